"""All settings. What an operator may change comes from the environment; docs/operating.md lists it."""

from pathlib import Path

from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from . import env
from .layer_host import layer_host

BASE_DIR = Path(__file__).resolve().parent.parent
DATA = Path(env.read.str("EARSHOT_DATA", default=str(BASE_DIR / "var"))).resolve()
try:
    DATA.mkdir(parents=True, exist_ok=True)
except OSError as error:
    raise ImproperlyConfigured(f"The data folder {DATA} cannot be made: {error.strerror}.") from None

DEBUG = env.read.bool("EARSHOT_DEBUG", default=False)
SECRET_KEY = env.secret_key(DATA)
SECRET_KEY_FALLBACKS = env.read.list("SECRET_KEY_FALLBACKS", default=[])

# --- where it is reached ---------------------------------------------------------------------------------

# One list says it all: hosts, CSRF and the socket's Origin check come from it.
EARSHOT_ORIGINS = env.origins("EARSHOT_ORIGINS", "http://localhost:8000 http://127.0.0.1:8000 http://[::1]:8000")
ALLOWED_HOSTS = env.hosts_of(EARSHOT_ORIGINS)
CSRF_TRUSTED_ORIGINS = EARSHOT_ORIGINS
OVER_TLS = all(origin.startswith("https://") for origin in EARSHOT_ORIGINS)

# How many proxies in front of us add to X-Forwarded-For and may be believed.
TRUSTED_PROXIES = env.read.int("EARSHOT_TRUSTED_PROXIES", default=0)
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = OVER_TLS
SESSION_COOKIE_NAME = "__Host-earshot" if OVER_TLS else "earshot"
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = False  # the page sends it back with its own POSTs
SECURE_HSTS_SECONDS = env.read.int("EARSHOT_HSTS_SECONDS", default=0)
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "media-src": [SELF, "blob:"],
        # Safari does not count ws: as 'self'. The grammar has no IPv6 addresses.
        "connect-src": [SELF, *(each.replace("http", "ws", 1) for each in EARSHOT_ORIGINS if "[" not in each)],
        "manifest-src": [SELF],
        "worker-src": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "object-src": [NONE],
    }
}

# --- what it is made of ----------------------------------------------------------------------------------

INSTALLED_APPS = [
    "config",
    "accounts",
    "calls",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "channels",
    "csp",
    "lucide",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.middleware.permissions_policy",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "config.middleware.time_zone",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "calls.context_processors.shell",
            ]
        },
    }
]

# --- database, bus and cache -----------------------------------------------------------------------------

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SQLITE_OPTIONS = {
    # BEGIN IMMEDIATE takes the write lock at once: select_for_update does nothing on SQLite, and a read that
    # becomes a write cannot wait. NORMAL with WAL survives a killed process; only a power cut can cost the
    # last commits, and the file stays whole.
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
}
if env.read.str("DATABASE_URL", default=""):
    DATABASES = {"default": env.read.db("DATABASE_URL")}
    if DATABASES["default"]["ENGINE"].endswith("postgresql"):
        # A connection that died in the pool is found before it is used, a database that is away after `timeout`.
        # `reconnect_timeout` keeps the pool from waiting ever longer: leases must be renewed soon after it is back.
        POOL = {"min_size": 1, "max_size": 12, "timeout": 4, "reconnect_timeout": 4}
        # One that falls silent is found out, too, after 15 s: by TCP's probes, and by what it does not acknowledge.
        PROBES = {"keepalives_idle": 5, "keepalives_interval": 5, "keepalives_count": 2, "tcp_user_timeout": 15_000}
        GIVEN = DATABASES["default"].get("OPTIONS", {})  # sslmode and the like come with the URL
        OPTIONS = {"connect_timeout": 4, **PROBES, **GIVEN, "pool": POOL}
        DATABASES["default"] |= {"CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": True, "OPTIONS": OPTIONS}
else:
    DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": DATA / "db.sqlite3"}}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Tests run a server of their own on the same file, so theirs is no database in memory.
    DATABASES["default"] |= {"OPTIONS": SQLITE_OPTIONS, "CONN_MAX_AGE": None, "TEST": {"NAME": DATA / "test.sqlite3"}}

# Threads that carry database work for the sockets. On SQLite one writes at a time; more would only wait.
DATABASE_THREADS = env.read.int("EARSHOT_DATABASE_THREADS", default=4)

REDIS_URL = env.read.str("REDIS_URL", default="")
if REDIS_URL:
    CHANNEL_LAYERS = {
        "default": {
            # Subscribes again by itself after a restart of Redis; the core layer closes every socket.
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [layer_host(REDIS_URL)]},
        }
    }
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
else:
    CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}

# How often a process joins the bus again, in case the layer has let its membership run out.
BUS_REJOIN_SECONDS = env.seconds("BUS_REJOIN_SECONDS", 3600)

# --- calls -----------------------------------------------------------------------------------------------

CALL_RING_SECONDS = env.seconds("CALL_RING_SECONDS", 60)
# A caller who is gone while it rings is noticed within this and one tick of the steward.
CALLER_LEASE_SECONDS = env.seconds("CALLER_LEASE_SECONDS", 7)
LEG_LEASE_SECONDS = env.seconds("LEG_LEASE_SECONDS", 30)
# How often a process asks whether mail or forgetting is due; a day and more leaves it to other processes.
CHORES_SECONDS = env.seconds("CHORES_SECONDS", 30)
# A session that ended without a word is found by one tick and believed to be over by the next look, and within 2 s of
# its end its calls are over (docs/holding.md): two seconds between ticks would be too many.
STEWARD_TICK_SECONDS = env.seconds("STEWARD_TICK_SECONDS", 1)
START_GRACE_SECONDS = env.seconds("START_GRACE_SECONDS", 30)
PING_SECONDS = env.seconds("PING_SECONDS", 10)
DEAD_SECONDS = env.seconds("DEAD_SECONDS", 25)
# How long a socket may be open before its page is asked to come back; None is for good.
SOCKET_SECONDS = env.seconds_or_none("SOCKET_SECONDS")
CONNECT_SECONDS = env.seconds("CONNECT_SECONDS", 20)
ICE_RESTART_SECONDS = env.seconds("ICE_RESTART_SECONDS", 2)
ICE_GIVE_UP_SECONDS = env.seconds("ICE_GIVE_UP_SECONDS", 30)

# No third party's server is ever contacted by default: without these, calls connect directly or not at all.
STUN_URLS = env.read.list("STUN_URLS", default=[])
TURN_URLS = env.read.list("TURN_URLS", default=[])
TURN_SECRET = env.read.str("TURN_SECRET", default="")
TURN_SECONDS = min(3600, env.seconds("TURN_SECONDS", 3600))

# --- what is kept, and for how many days; 0 is for good -----------------------------------------------------

EARSHOT_KEEP_CALLS_DAYS = env.days("EARSHOT_KEEP_CALLS_DAYS", 365)
EARSHOT_KEEP_QUALITY_DAYS = env.days("EARSHOT_KEEP_QUALITY_DAYS", 90)
EARSHOT_KEEP_GUEST_NAMES_DAYS = env.days("EARSHOT_KEEP_GUEST_NAMES_DAYS", 90)
# After they were revoked or ran out.
EARSHOT_KEEP_LINKS_DAYS = env.days("EARSHOT_KEEP_LINKS_DAYS", 90)

# --- people ----------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
SESSION_ENGINE = "accounts.sessions"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("name", "handle", "email")},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# Who may make an account: anyone, only who is invited, nobody.
EARSHOT_SIGN_UP = env.choice("EARSHOT_SIGN_UP", ("open", "invite", "closed"), "invite")

# Admins may invite people wherever sign-up is not closed; may everybody?
EARSHOT_MEMBERS_INVITE = env.read.bool("EARSHOT_MEMBERS_INVITE", default=False)

ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = "handle"
ACCOUNT_LOGIN_METHODS = {"email", "username"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "username", "password1*"]
ACCOUNT_FORMS = {
    "add_email": "accounts.forms.AddEmailForm",
    "change_password": "accounts.forms.ChangePasswordForm",
    "login": "accounts.forms.LoginForm",
    "reauthenticate": "accounts.forms.ReauthenticateForm",
    "reset_password": "accounts.forms.ResetPasswordForm",
    "reset_password_from_key": "accounts.forms.ResetPasswordKeyForm",
    "set_password": "accounts.forms.SetPasswordForm",
    "signup": "accounts.forms.SignupForm",
}
ACCOUNT_PRESERVE_USERNAME_CASING = False
ACCOUNT_USERNAME_MIN_LENGTH = 2
ACCOUNT_CHANGE_EMAIL = True  # one address a person; a new one counts when it is verified
# Where mail is sent at all, an address must be proved: only so can sign-up hide who has an account already.
ACCOUNT_EMAIL_VERIFICATION = env.choice(
    "EARSHOT_EMAIL_VERIFICATION",
    ("mandatory", "optional", "none"),
    "mandatory" if env.read.str("EMAIL_URL", default="") else "optional",
)
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = EARSHOT_SIGN_UP == "open"
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_USER_DISPLAY = "accounts.models.display_name"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
# A second step for whoever wants one; /admin/ has the same sign-in.
MFA_ADAPTER = "accounts.second_step.SecondStepAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_FORMS = {
    "activate_totp": "accounts.forms.TurnOnSecondStepForm",
    "authenticate": "accounts.forms.SecondStepForm",
    "reauthenticate": "accounts.forms.ReauthenticateSecondStepForm",
}
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"

EMAIL_TIMEOUT = 10  # seconds: who waits for mail to go out holds a thread
if env.read.str("EMAIL_URL", default=""):
    vars().update(env.read.email("EMAIL_URL"))
else:
    EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
DEFAULT_FROM_EMAIL = env.read.str("EARSHOT_MAIL_FROM", default="Earshot <earshot@localhost>")

# --- text, files, logs -----------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = env.read.str("TZ", default="UTC") or "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = DATA / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_MAX_AGE = 0 if DEBUG else 60
WHITENOISE_USE_FINDERS = DEBUG

LOG_FORMAT = env.choice("EARSHOT_LOG_FORMAT", ("text", "json"), "text")
LOG_LEVEL = env.choice("EARSHOT_LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), "WARNING")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"text": {"()": "config.logs.TextFormatter"}, "json": {"()": "config.logs.JsonLines"}},
    "filters": {"hide_secret_paths": {"()": "config.logs.HideSecretPaths"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT, "filters": ["hide_secret_paths"]}
    },
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        # Who asks for JSON wants the events; others at EARSHOT_LOG_LEVEL=INFO.
        "earshot.events": {"level": "INFO"} if LOG_FORMAT == "json" else {},
        "django": {"handlers": []},  # Django's own, for debugging, hides nothing
    },
}

# Without it /metrics is not there.
METRICS_TOKEN = env.read.str("EARSHOT_METRICS_TOKEN", default="")
