"""A stack that was sampled coarsely along z, made as fine along z as along x.

python isotropic_stack.py
"""

import numpy as np
from scipy.ndimage import gaussian_filter

import abbe


def main() -> None:
    # a shell of 2 um, seen through a lens that is three times less sharp along z, every 0.3 um
    z, y, x = np.ogrid[-3:3:0.1, -3.2:3.2:0.1, -3.2:3.2:0.1]
    shell = np.exp(-(((np.sqrt(z * z + y * y + x * x) - 2) / 0.1) ** 2))
    light = gaussian_filter(shell, (4, 1.3, 1.3))[::3]
    planes = np.random.default_rng(1).poisson(light / light.max() * 200 + 10).astype(np.uint16)

    stack = abbe.Image.from_array(planes, axes="ZYX", pixel_size=(0.3, 0.1, 0.1), channels=["membrane"])
    result = abbe.enhance(stack, steps=("denoise", "axial"))
    print(stack)
    print(result)
    abbe.save(result, "isotropic.ome.tif")


if __name__ == "__main__":
    main()
