"""All settings, from the environment (docs/operators.md lists the variables), loud about what is missing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import environ
import structlog
from django.core.exceptions import ImproperlyConfigured

from annotator import disk
from web import configuration, masking, statics

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

DATA_DIR = configuration.data_dir(BASE_DIR / "var")
PORT = configuration.number("PORT", 8000)
DEBUG = configuration.switch("DEBUG")
HTTPS = configuration.switch("HTTPS")
LOG_LEVEL = configuration.level("LOG_LEVEL", "INFO")

_install = configuration.find(DATA_DIR)
SECRET_KEY = _install["SECRET_KEY"]
DATABASE_URL = _install["DATABASE_URL"]
REDIS_URL = _install["REDIS_URL"]
# Health checks come from the machine itself, whatever its name is to others.
ALLOWED_HOSTS = [*env.list("ALLOWED_HOSTS", default=[]), "localhost", "127.0.0.1", "[::1]"]
# How many proxies of our own stand before us: so many addresses at the end of X-Forwarded-For are what they saw.
TRUSTED_PROXIES = configuration.number("TRUSTED_PROXIES", 0)
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# With less left than this, it is told; with less than a twentieth of it, heavy work waits.
DISK_LOW_BYTES = configuration.number("DISK_LOW_BYTES", disk.LOW_BYTES)

# A text encoder that models may ask about words; empty: none. Only train and suggest workers read it.
ENCODER_DIR = configuration.folder("ENCODER_DIR")

MODELS_DIR = DATA_DIR / "models"
UPLOADS_DIR = DATA_DIR / "uploads"
EXPORTS_DIR = DATA_DIR / "exports"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "annotator",
    "trainer",
    "web",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    # A script's own answer needs no policy: the page that loads it has one.
    "web.statics.Statics",
    "web.headers.SecurityHeaders",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "web.middleware.TenantMiddleware",
]
ROOT_URLCONF = "web.urls"
WSGI_APPLICATION = "web.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "web.languages.spoken",
                "web.zones.told",
                "web.disk_notice.room",
            ],
        },
    }
]

# The application assumes a role that row-level security binds; only migrations run as the owner (role "").
DATABASE_ROLE = env.str("MARGINALIA_DB_ROLE", default="marginalia_app")

TCP_PATIENCE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 60_000}


def _database(url: str) -> dict[str, Any]:
    database: dict[str, Any] = environ.Env.db_url_config(url)
    if database.get("ENGINE") != "django.db.backends.postgresql":
        raise ImproperlyConfigured("DATABASE_URL must be a postgresql:// address.")
    options = database.setdefault("OPTIONS", {})
    options.setdefault("connect_timeout", 10)  # a server that is gone may not even refuse
    # Nor one whose machine or network went away in the middle: without these a wait lasts for hours.
    for name, value in TCP_PATIENCE.items():
        options.setdefault(name, value)
    if DATABASE_ROLE:
        options["assume_role"] = DATABASE_ROLE
    return database | {"CONN_MAX_AGE": configuration.number("CONN_MAX_AGE", 600), "CONN_HEALTH_CHECKS": True}


DATABASES = {"default": _database(DATABASE_URL)}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        # Submits go through it: a Redis that hangs must not hold them up.
        "OPTIONS": {"socket_connect_timeout": 0.5, "socket_timeout": 0.5},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "annotator.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "/signin"
LOGIN_REDIRECT_URL = "/"

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
# Cookies know no ports: two installs on one machine would sign each other's people out.
SESSION_COOKIE_NAME = f"marginalia_session_{PORT}"
CSRF_COOKIE_NAME = f"marginalia_csrf_{PORT}"
CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz)$"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# A body that is promised longer than this is refused before it is read; uploads go to disk in pieces.
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_100  # two for each column of an import, and some more
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
MAX_STRANGER_BYTES = 64 * 1024
MAX_UPLOAD_BYTES = configuration.number("MAX_UPLOAD_BYTES", 2 * 1024**3)

# Of a web process's threads, those that may wait for a model's answers: one is always left for people who label.
SUGGEST_WAITERS = max(1, configuration.number("WEB_THREADS", 4) - 1)

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("ar", "العربية")]
FORMAT_MODULE_PATH = "web.formats"
LANGUAGE_COOKIE_NAME = f"marginalia_language_{PORT}"
LANGUAGE_COOKIE_AGE = 5 * 365 * 86_400
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = HTTPS
# Where a browser says which time zone it is in; people are told times in theirs, files and the API in UTC.
TIME_ZONE_COOKIE_NAME = f"marginalia_zone_{PORT}"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

STATIC_VERSION = statics.version()
WHITENOISE_ALLOW_ALL_ORIGINS = False
STATIC_URL = "/static/" if DEBUG else f"/static/{STATIC_VERSION}/"
STATIC_ROOT = DATA_DIR / "static"
WHITENOISE_STATIC_PREFIX = "/static/"

structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.StackInfoRenderer(),
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)
# The plain formatter: a richer one prints local variables, and with them people's texts.
_render = masking.masking(
    structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty(), exception_formatter=structlog.dev.plain_traceback)
)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "lines": {
            "()": structlog.stdlib.ProcessorFormatter,
            "foreign_pre_chain": [structlog.contextvars.merge_contextvars, structlog.stdlib.add_log_level],
            "processors": [
                structlog.processors.TimeStamper(fmt="iso"),
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _render,
            ],
        }
    },
    "handlers": {"stdout": {"class": "logging.StreamHandler", "stream": sys.stdout, "formatter": "lines"}},
    "root": {"handlers": ["stdout"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "level": LOG_LEVEL, "propagate": True},
        # A line for each tick of the beat, and for each task that comes and goes, would drown the rest.
        "celery.beat": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
    },
}
