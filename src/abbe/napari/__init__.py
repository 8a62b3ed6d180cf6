"""abbe in napari: readers, writers, samples and four widgets, which napari finds by `napari.yaml`.

What a layer is to abbe, and the other way round, is in modules that need neither napari nor Qt: `seat`, `layers`, `sheet`, `regions`,
`tasks`. Qt is in `widgets` alone.
"""
