"""Every figure that the README claims, to be measured again by anybody: `manage.py bench [NAME]`."""
