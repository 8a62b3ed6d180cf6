"""A simulated cell as a widefield microscope takes it, and its truth.

python make_a_cell.py cell.ome.tif [--truth truth.ome.tif] [--light 0.3]
"""

import argparse

import abbe
from abbe.simulation import simulate_cell


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("image")
    parser.add_argument("--truth", help="where to save the truth")
    parser.add_argument("--light", type=float, default=1.0, help="exposure; less light, more noise")
    parser.add_argument("--seed", type=int, default=1, help="another number, another cell")
    wanted = parser.parse_args()

    cell = simulate_cell(wanted.seed, wanted.light)
    abbe.save(cell.image, wanted.image)
    if wanted.truth:
        abbe.save(cell.truth, wanted.truth)
    print(cell.image)


if __name__ == "__main__":
    main()
