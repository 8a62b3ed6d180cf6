"""What each step of Workflow A gains, on a simulated cell whose truth is known.

python measure_against_truth.py
"""

import abbe
from abbe.simulation import simulate_cell

STEPS = ("denoise", "axial", "super_resolve")


def main() -> None:
    cell = simulate_cell(seed=7, light=0.5)
    print(f"{'steps':30s} {'channel':14s} {'PSNR, dB':>9s} {'plain':>7s} {'SSIM':>6s} {'plain':>6s}")
    for steps in (("super_resolve",), STEPS):
        result = abbe.enhance(cell.image, steps=steps)
        for c in abbe.compare(original=cell.image, transformed=result, truth=cell.truth).channels:
            psnr, ssim = c.psnr_affine, c.ssim
            figures = f"{psnr.transformed:9.2f} {psnr.upsampled:7.2f} {ssim.transformed:6.3f} {ssim.upsampled:6.3f}"
            print(f"{', '.join(steps):30s} {c.channel:14s} {figures}")


if __name__ == "__main__":
    main()
