"""Every setting of the product. No other module reads the environment.

A value comes from, in this order: the environment, `.env`, dlt's `.dlt/secrets.toml`, the default. Names are the same
everywhere: `THROUGHLINE_` and the field's name in capitals.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

REPOSITORY = Path(__file__).resolve().parents[1]
DBT_PROJECT = REPOSITORY / "dbt"
PREFIX = "THROUGHLINE_"
ENV_FILE = Path(".env")
SECRETS_FILE = Path(".dlt/secrets.toml")

API_SOURCES = ("hubspot", "encharge", "stripe")
LEDGER = "ledger"
SOURCES = (*API_SOURCES, LEDGER)

# the choices behind the revenue metrics; `dbt/dbt_project.yml` holds their defaults and says what each does
POLICY = (
    "mrr_past_due",
    "mrr_discounts",
    "mrr_trials",
    "mrr_paused_collection",
    "mrr_week_factor",
    "mrr_metered_usage",
    "churn_date",
    "full_discount",
    "reactivation_gap_days",
)

_ENVIRONMENT = {
    # no component of the stack reports home
    "DO_NOT_TRACK": "1",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "GX_ANALYTICS_ENABLED": "false",
    "DAGSTER_DISABLE_TELEMETRY": "yes",
    # dlt's own progress and table logs stay out of the way of ours
    "RUNTIME__LOG_LEVEL": "WARNING",
    # dlt would hold a signal back until a load is done, and then forget it
    "RUNTIME__INTERCEPT_SIGNALS": "false",
    # dbt's own way of saying with fewer edges that models wait for the tests before them
    "DBT_USE_FAST_TEST_EDGES": "true",
}


class BadSettings(Exception):
    """A setting that cannot be used. The message is one line a setting, and names the variable and what is allowed."""


@dataclass(frozen=True)
class SourceSettings:
    """What a connector needs to know of its source. The ledger has no URL and no key: its folder turns it on."""

    name: str
    base_url: str
    api_key: SecretStr | None
    start_date: date | None
    is_configured: bool


class _DltSecrets(PydanticBaseSettingsSource):
    """The same names in dlt's secrets file, as top-level keys."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        import tomllib

        if not SECRETS_FILE.is_file():
            return {}
        try:
            found = tomllib.loads(SECRETS_FILE.read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as error:
            raise BadSettings(f"{SECRETS_FILE} is not valid TOML: {error}") from error
        names = {PREFIX.lower() + name: name for name in self.settings_cls.model_fields}
        return {names[key.lower()]: value for key, value in found.items() if key.lower() in names}


class Settings(BaseSettings):
    """The settings of one process. Paths are absolute, instants are aware and in UTC, secrets never print."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=ENV_FILE,
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    data_dir: Path = Path("data")
    ledger_dir: Path = Path()
    target: Literal["duckdb", "spark"] = "duckdb"
    spark_remote: str = Field(default="sc://127.0.0.1:15002", pattern=r"^(sc://[^\s/]+|local(\[[0-9*]+\])?)")
    spark_table_format: Literal["parquet", "iceberg"] = "parquet"
    lake_url: str = ""
    as_of: datetime = Field(default_factory=lambda: datetime.now(UTC))

    time_zone: str = "UTC"
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$")
    fiscal_year_start: int = Field(default=1, ge=1, le=12)
    # country, or country and region, whose public holidays the business-hours clock leaves out; empty: none
    holidays_country: str = Field(default="", pattern=r"^([A-Z]{2}(-[A-Z0-9]{1,3})?)?$")

    # choices of the revenue policy; unset: what dbt_project.yml says
    mrr_past_due: Literal["include", "exclude"] | None = None
    mrr_discounts: Literal["lasting", "all", "none"] | None = None
    mrr_trials: Literal["exclude", "include"] | None = None
    mrr_paused_collection: Literal["exclude", "include"] | None = None
    mrr_week_factor: Literal["52/12", "365/7/12"] | None = None
    mrr_metered_usage: Literal["out", "in"] | None = None
    churn_date: Literal["service_end", "request"] | None = None
    full_discount: Literal["churn", "customer"] | None = None
    reactivation_gap_days: int | None = Field(default=None, ge=0)

    # proposes doubtful pairs of people with a probability; needs the extra of `make setup-splink`
    identity_proposals: bool = False

    hubspot_base_url: str = "https://api.hubapi.com"
    hubspot_api_key: SecretStr | None = None
    hubspot_start_date: date | None = None
    encharge_base_url: str = "https://api.encharge.io/v1"
    encharge_api_key: SecretStr | None = None
    encharge_start_date: date | None = None
    stripe_base_url: str = "https://api.stripe.com"
    stripe_api_key: SecretStr | None = None
    stripe_start_date: date | None = None

    landing_secret: SecretStr | None = None
    landing_port: int = Field(default=8787, ge=0, le=65535)

    notify_webhook_url: str | None = None
    keep_versions: int = Field(default=10, ge=1)
    parquet: bool = False
    # below so many raw rows a night on DuckDB that makes every table anew costs no more than one that carries them on
    carried_from_rows: int = Field(default=200_000, ge=0)
    carried_days: int = Field(default=30, ge=1)
    quarantine_limit: float = Field(default=0.01, ge=0, le=1)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, dotenv_settings, _DltSecrets(settings_cls)

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError("must be a time zone of the IANA database, such as UTC or Europe/Berlin") from None
        return value

    @field_validator("as_of")
    @classmethod
    def _in_utc(cls, value: datetime) -> datetime:
        """An instant without an offset is UTC; parts of a second are dropped, as dbt reads whole seconds."""
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return aware.astimezone(UTC).replace(microsecond=0)

    @field_validator("hubspot_base_url", "encharge_base_url", "stripe_base_url", "notify_webhook_url")
    @classmethod
    def _http_url(cls, value: str | None) -> str | None:
        if value is not None and not re.match(r"^https?://[^\s/?#]+[^\s?#]*$", value):
            raise ValueError("must be an http:// or https:// address without a query")
        return value.rstrip("/") if value else value

    @field_validator("hubspot_api_key", "encharge_api_key", "stripe_api_key", "landing_secret")
    @classmethod
    def _trimmed(cls, value: SecretStr | None) -> SecretStr | None:
        """Spaces around a pasted key are never part of it; nothing but spaces is no key."""
        bare = value.get_secret_value().strip() if value else ""
        return SecretStr(bare) if bare else None

    @model_validator(mode="before")
    @classmethod
    def _default_ledger(cls, values: dict[str, Any]) -> dict[str, Any]:
        if not values.get("ledger_dir"):
            values = values | {"ledger_dir": Path(values.get("data_dir") or "data") / "ledger"}
        return values

    @field_validator("lake_url")
    @classmethod
    def _lake_address(cls, value: str) -> str:
        """A folder of this machine is a path or a file:// URL; anything else keeps its URL."""
        if not value or re.match(r"^(?!file:)[a-z][a-z0-9+.-]*://[^\s/]+", value):
            return value.rstrip("/")
        path = value.removeprefix("file://")
        if "://" in path:
            raise ValueError("must be a folder, or the URL of a bucket such as s3://bucket/throughline")
        return str(Path(path).expanduser().absolute())

    @field_validator("data_dir", "ledger_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    def source(self, name: str) -> SourceSettings:
        """The settings of one source. Raises KeyError for a source that does not exist."""
        if name == LEDGER:
            return SourceSettings(LEDGER, "", None, None, self.ledger_dir.is_dir())
        if name not in API_SOURCES:
            raise KeyError(f"there is no source {name!r}: {', '.join(SOURCES)}")
        key: SecretStr | None = getattr(self, f"{name}_api_key")
        return SourceSettings(
            name, getattr(self, f"{name}_base_url"), key, getattr(self, f"{name}_start_date"), key is not None
        )

    def how_to_switch_on(self, name: str) -> str:
        """What somebody has to do for a source that is off, in a few words."""
        return f"put CSV files into {self.ledger_dir}" if name == LEDGER else f"set {variable_name(name + '_api_key')}"

    @property
    def sources_on(self) -> list[str]:
        """Names of the sources that are configured, in the order of the flow."""
        return [name for name in SOURCES if self.source(name).is_configured]

    @property
    def warehouse_path(self) -> Path:
        """The build file, private to the writer. Each engine has its own: switching back and forth loses nothing."""
        return self.data_dir / ("warehouse.duckdb" if self.target == "duckdb" else f"{self.target}.duckdb")

    @property
    def lake(self) -> str:
        """Where the raw ledger and the marts lie as Parquet files on the distributed engine: a folder, or a URL."""
        return self.lake_url or str(self.data_dir / "lake")

    @property
    def is_spark_remote(self) -> bool:
        """Whether Spark is a server that is reached by Spark Connect, and not a session in this process."""
        return self.spark_remote.startswith("sc://")

    @property
    def published_dir(self) -> Path:
        """Versions, and the symlink `throughline.duckdb` to the current one."""
        return self.data_dir / "published"

    @property
    def published_path(self) -> Path:
        """What people read: a symlink to the current version."""
        return self.published_dir / "throughline.duckdb"

    @property
    def report_path(self) -> Path:
        """The revenue page of the published version."""
        return self.published_dir / "revenue.html"

    @property
    def pipelines_dir(self) -> Path:
        """dlt's working folders and state."""
        return self.data_dir / "pipelines"

    @property
    def landing_dir(self) -> Path:
        """Where pushed events arrive."""
        return self.data_dir / "landing"

    @property
    def dagster_home(self) -> Path:
        """Dagster's storage of runs and events."""
        return self.data_dir / "dagster"

    @property
    def dbt_target_dir(self) -> Path:
        """dbt's manifest and run artifacts."""
        return self.data_dir / "dbt"

    def dbt_vars(self) -> dict[str, Any]:
        """The variables of every dbt invocation."""
        return {
            "as_of": self.as_of.strftime("%Y-%m-%d %H:%M:%S"),
            "time_zone": self.time_zone,
            "currency": self.currency,
            "fiscal_year_start": self.fiscal_year_start,
            "sources_on": self.sources_on,
            **{name: getattr(self, name) for name in POLICY if getattr(self, name) is not None},
        }

    def dbt_environment(self) -> dict[str, str]:
        """What the dbt profile reads."""
        return {
            "THROUGHLINE_TARGET": self.target,
            "THROUGHLINE_WAREHOUSE_PATH": str(self.warehouse_path),
            "THROUGHLINE_SPARK_TABLE_FORMAT": self.spark_table_format,
            **({"SPARK_REMOTE": self.spark_remote} if self.is_spark_remote else {}),
        }

    @property
    def as_of_is_set(self) -> bool:
        """Whether somebody chose the instant; if not, it is the moment at which these settings were read."""
        return "as_of" in self.model_fields_set


def get_settings() -> Settings:
    """Read the settings afresh. Raises BadSettings: one line for each variable that cannot be used."""
    try:
        return Settings()
    except ValidationError as error:
        raise BadSettings("\n".join(_explained(problem) for problem in error.errors())) from None


def variable_name(field: str) -> str:
    """The environment variable of a field."""
    return PREFIX + field.upper()


def unknown_variables() -> dict[str, str | None]:
    """THROUGHLINE_ variables of the environment and `.env` that no setting reads, each with the likely meant name."""
    known = {variable_name(field) for field in Settings.model_fields}
    own = {"THROUGHLINE_WAREHOUSE_PATH"}
    names = {name.upper() for name in os.environ} | {name.upper() for name in _env_file_names()}
    unknown = sorted(name for name in names if name.startswith(PREFIX) and name not in known | own)
    return {name: next(iter(get_close_matches(name, known, n=1)), None) for name in unknown}


def process_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for a process that we start: ours, telemetry off, and `extra`."""
    return {**_ENVIRONMENT, **os.environ, **(extra or {})}


def prepare_process(extra: Mapping[str, str] | None = None) -> None:
    """Switch off telemetry in this process, and set `extra`. Call it before importing dlt, dbt, Dagster, GX."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    os.environ.update(extra or {})


def _env_file_names() -> list[str]:
    if not ENV_FILE.is_file():
        return []
    from dotenv import dotenv_values

    return list(dotenv_values(ENV_FILE))


_PATTERNS = {
    "currency": "must be a currency code of three capitals, such as EUR",
    "holidays_country": "must be a country, or a country and a region, by ISO 3166, such as US or DE-BY",
    "spark_remote": "must be an address such as sc://host:15002, or local[2]",
}


def _explained(problem: Any) -> str:
    """A validation problem in one line; the value itself is never shown, as it may be a secret."""
    message = str(problem["msg"]).removeprefix("Value error, ")
    field = str(problem["loc"][0]) if problem["loc"] else ""
    if problem["type"] == "string_pattern_mismatch":
        message = _PATTERNS.get(field, message)
    elif problem["type"].startswith("datetime"):
        message = "must be an instant in ISO 8601, such as 2026-06-15T00:00:00Z"
    elif problem["type"].startswith("date_"):
        message = "must be a date, such as 2024-01-31"
    else:
        message = message[:1].lower() + message[1:]
    return f"{variable_name(field)}: {message}"
