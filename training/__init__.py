"""Makes bundles: data, fine-tuning, calibration, export, evaluation, release."""
