"""`app` for `uvicorn server.main:app`; `python -m server` is the better way to start."""

from server.app import create_app
from server.logs import Redactor, configure_logs
from server.settings import load_settings

_settings = load_settings()
configure_logs(_settings.log_level, Redactor(_settings.secret_values()))
app = create_app(_settings)
