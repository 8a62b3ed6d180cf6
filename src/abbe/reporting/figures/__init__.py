"""Pictures of a report: images with scale bars, histograms, scattergrams, maps."""
