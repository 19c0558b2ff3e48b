"""`app` for `uvicorn server.main:app`; `python -m server` is the better way to start."""

from server.app import create_app
from server.settings import load_settings

app = create_app(load_settings())
