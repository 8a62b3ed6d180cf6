"""Routes, a module per part of the interface in docs/design/http.md."""

from abbe.server.routes import analysis, comparing, entry, files, jobs, pictures, sessions

ROUTERS = tuple(module.router for module in (entry, files, sessions, pictures, comparing, analysis, jobs))
