"""What a release consists of besides the packages and the image: `python -m deploy.release`."""
