"""What only some versions of Prometheus, Alertmanager and Grafana have, as data.

Sources: the struct tags of ``config/config.go`` and ``model/rulefmt/rulefmt.go``, the function tables of
``promql/parser/functions.go`` and the grammar of ``promql/parser/generated_parser.y`` compared between every
``.0`` tag of prometheus/prometheus from v2.42.0 to v3.14.0; the same of ``config/notifiers.go`` of
prometheus/alertmanager v0.25.0 to v0.34.0 and its CHANGELOG; npm ``@grafana/schema`` of every minor from 9.0 to 13.2.
Everything that Prometheus 2.42, Alertmanager 0.25 and Grafana 9.3 have already needs no row.
"""

from __future__ import annotations

from enum import Enum
from typing import Literal, NamedTuple

Product = Literal["prometheus", "alertmanager", "grafana"]
P: Product = "prometheus"
A: Product = "alertmanager"
G: Product = "grafana"

FUNCTIONS_FLAG = "promql-experimental-functions"
DURATION_FLAG = "promql-duration-expr"


class Row(NamedTuple):
    """``since`` is the first version that has it, ``until`` the first that lacks it again.

    With ``flag`` it must be enabled by ``--enable-feature``, up to the version ``stable`` where there is one.
    """

    product: Product
    what: str
    since: str = ""
    until: str = ""
    flag: str = ""
    stable: str = ""


class Feature(Enum):
    """Something that not every supported version has; `Row` in the value."""

    # PromQL: grammar
    QUOTED_NAMES = Row(P, 'quoted names in a selector, {"name", "label"="value"}', "2.51")
    QUOTED_GROUPING = Row(P, 'quoted labels in by, without, on, ignoring and group_left, by ("label")', "2.55")
    UTF8_NAMES = Row(P, 'metric and label names outside [a-zA-Z0-9_:], {"http.requests"}', "3.0")
    UTF8_GROUPING = Row(P, "grouping labels outside [a-zA-Z0-9_]", "3.0", flag="utf8-names", stable="3.0")
    DURATION_AS_NUMBER = Row(P, "a duration as a number of seconds, x > 10m", "2.54")
    NUMBER_AS_DURATION = Row(P, "a number of seconds as a duration, x[300]", "2.54")
    NUMBER_UNDERSCORES = Row(P, "underscores in numbers, 1_000_000", "2.54")
    DURATION_SIGN = Row(P, "a sign before a range or + before an offset, x[+5m]", "3.4")
    OFFSET_ZERO = Row(P, "an offset of zero, x offset 0s", "3.4")
    DURATION_ARITHMETIC = Row(P, "arithmetic on durations, x[5m * 2]", "3.4", flag=DURATION_FLAG, stable="3.14")
    HEX_DIGIT_E = Row(P, "the digit e behind another one in a hexadecimal number, 0x1e", until="2.54")
    REGEX_ANGLE_GROUPS = Row(P, "named groups without P in a regular expression, (?<name>...)", "2.53")
    REGEX_OPEN_QUOTE = Row(P, "\\Q without \\E in a regular expression", "2.52")

    # PromQL: functions and aggregations
    FUNC_HISTOGRAM_STDDEV = Row(P, "histogram_stddev()", "2.47")
    FUNC_HISTOGRAM_STDVAR = Row(P, "histogram_stdvar()", "2.47")
    FUNC_MAD_OVER_TIME = Row(P, "mad_over_time()", "2.49", flag=FUNCTIONS_FLAG)
    FUNC_SORT_BY_LABEL = Row(P, "sort_by_label()", "2.49", flag=FUNCTIONS_FLAG)
    FUNC_SORT_BY_LABEL_DESC = Row(P, "sort_by_label_desc()", "2.49", flag=FUNCTIONS_FLAG)
    FUNC_HISTOGRAM_AVG = Row(P, "histogram_avg()", "2.51")
    FUNC_INFO = Row(P, "info()", "2.55", flag=FUNCTIONS_FLAG)
    FUNC_HOLT_WINTERS = Row(P, "holt_winters()", until="3.0")
    FUNC_DOUBLE_EXPONENTIAL_SMOOTHING = Row(P, "double_exponential_smoothing()", "3.0", flag=FUNCTIONS_FLAG)
    FUNC_TS_OF_MAX_OVER_TIME = Row(P, "ts_of_max_over_time()", "3.5", flag=FUNCTIONS_FLAG)
    FUNC_TS_OF_MIN_OVER_TIME = Row(P, "ts_of_min_over_time()", "3.5", flag=FUNCTIONS_FLAG)
    FUNC_TS_OF_LAST_OVER_TIME = Row(P, "ts_of_last_over_time()", "3.5", flag=FUNCTIONS_FLAG)
    AGG_LIMITK = Row(P, "limitk()", "2.54", flag=FUNCTIONS_FLAG)
    AGG_LIMIT_RATIO = Row(P, "limit_ratio()", "2.54", flag=FUNCTIONS_FLAG)

    # PromQL: what the same text means
    RANGES_LEFT_OPEN = Row(P, "ranges that exclude their left end", "3.0")
    BUCKET_LABELS_AS_FLOATS = Row(P, 'le and quantile stored as floats, le="1.0"', "3.0")
    REGEX_DOT_MATCHES_NEWLINE = Row(P, ". in a regular expression matches a newline", "3.0")

    # Prometheus: configuration
    SCRAPE_CONFIG_FILES = Row(P, "scrape_config_files", "2.43")
    GLOBAL_SCRAPE_LIMITS = Row(P, "scrape limits in global", "2.45")
    NATIVE_HISTOGRAM_BUCKET_LIMIT = Row(P, "native_histogram_bucket_limit", "2.45")
    SCRAPE_CLASSIC_HISTOGRAMS = Row(P, "scrape_classic_histograms", "2.45", until="3.0")
    KEEP_DROPPED_TARGETS = Row(P, "keep_dropped_targets", "2.47")
    TRACK_TIMESTAMPS_STALENESS = Row(P, "track_timestamps_staleness", "2.48")
    SCRAPE_PROTOCOLS = Row(P, "scrape_protocols", "2.49")
    ENABLE_COMPRESSION = Row(P, "enable_compression", "2.49")
    REMOTE_WRITE_SAMPLE_AGE_LIMIT = Row(P, "remote_write sample_age_limit", "2.50")
    ALERTMANAGER_RELABELING = Row(P, "alert_relabel_configs of one Alertmanager", "2.51")
    USERNAME_FILE = Row(P, "basic_auth username_file", "2.47")
    RUNTIME_GOGC = Row(P, "runtime.gogc", "2.53")
    REMOTE_WRITE_PROTOBUF_MESSAGE = Row(P, "remote_write protobuf_message", "2.54")
    OTLP = Row(P, "otlp.promote_resource_attributes", "2.55")
    HTTP_HEADERS = Row(P, "http_headers", "2.55")
    SCRAPE_FAILURE_LOG_FILE = Row(P, "scrape_failure_log_file", "2.55")
    METRIC_NAME_VALIDATION_SCHEME = Row(P, "metric_name_validation_scheme", "2.55")
    FALLBACK_SCRAPE_PROTOCOL = Row(P, "fallback_scrape_protocol", "3.0")
    ALWAYS_SCRAPE_CLASSIC_HISTOGRAMS = Row(P, "always_scrape_classic_histograms", "3.0")
    CONVERT_CLASSIC_HISTOGRAMS = Row(P, "convert_classic_histograms_to_nhcb", "3.0")
    SCRAPE_NATIVE_HISTOGRAMS = Row(P, "scrape_native_histograms", "3.8")
    ALERTMANAGER_API_V1 = Row(P, "api_version: v1 of an Alertmanager", until="3.0")
    EXTERNAL_LABELS_EXPAND_ENV = Row(P, "external_labels expand $VARIABLES", "3.0")
    METRIC_NAME_ESCAPING_SCHEME = Row(P, "metric_name_escaping_scheme", "3.4")
    RETENTION_IN_CONFIG = Row(P, "storage.tsdb.retention", "3.8")

    # Prometheus: rule files, their tests and templates
    RULE_QUERY_OFFSET = Row(P, "query_offset of a rule group", "2.53")
    RULE_GROUP_LABELS = Row(P, "labels of a rule group", "3.0")
    RULE_UTF8_NAMES = Row(P, "UTF-8 names of recording rules", "3.2")
    RULE_YAML_ANCHORS = Row(P, "YAML anchors in rule files", "3.3")
    TEMPLATE_NOW = Row(P, "template functions now and toDuration", "3.6")
    TEMPLATE_URL_QUERY_ESCAPE = Row(P, "template function urlQueryEscape", "3.8")
    TEST_INTERVAL_OPTIONAL = Row(P, "rule tests without interval", "2.49")
    TEST_NATIVE_HISTOGRAMS = Row(P, "native histograms in rule tests", "2.47")
    TEST_FUZZY_COMPARE = Row(P, "fuzzy_compare in rule tests", "3.5")
    PROMTOOL_FORMAT = Row(P, "promtool promql format", "2.46")
    PROMTOOL_RULES_STDIN = Row(P, "promtool check rules on standard input", "2.46")
    PROMTOOL_TEST_RUN = Row(P, "promtool test rules --run", "2.49")
    PROMTOOL_TEST_DIFF = Row(P, "promtool test rules --diff", "2.50")
    PROMTOOL_TEST_JUNIT = Row(P, "promtool test rules --junit", "2.55")

    # Alertmanager
    AM_MSTEAMS = Row(A, "msteams_configs", "0.26")
    AM_WEBHOOK_URL_FILE = Row(A, "url_file of a webhook", "0.26")
    AM_TELEGRAM_TOKEN_FILE = Row(A, "bot_token_file of Telegram", "0.26")
    AM_PUSHOVER_FILES = Row(A, "user_key_file and token_file of Pushover", "0.26")
    AM_TEMPLATE_TRIM_SPACE = Row(A, "template function trimSpace", "0.26")
    AM_UTF8_MATCHERS = Row(A, "UTF-8 in matchers and label names", "0.27")
    AM_CHAT_WEBHOOK_URL_FILE = Row(A, "webhook_url_file of Discord and Teams", "0.27")
    AM_API_V1 = Row(A, "API v1", until="0.27")
    AM_JIRA = Row(A, "jira_configs", "0.28")
    AM_ROCKETCHAT = Row(A, "rocketchat_configs", "0.28")
    AM_MSTEAMSV2 = Row(A, "msteamsv2_configs", "0.28")
    AM_SMTP_TLS_CONFIG = Row(A, "global smtp_tls_config", "0.28")
    AM_DISCORD_CONTENT = Row(A, "content, username and avatar_url of Discord", "0.28")
    AM_TELEGRAM_THREAD = Row(A, "message_thread_id of Telegram", "0.28")
    AM_WEBHOOK_TIMEOUT = Row(A, "timeout of a webhook", "0.28")
    AM_TEMPLATE_DATES = Row(A, "template functions date, tz, since and humanizeDuration", "0.28")
    AM_INHIBIT_UTF8_EQUAL = Row(A, "UTF-8 labels in equal of an inhibition", "0.28")
    AM_INCIDENTIO = Row(A, "incidentio_configs", "0.29")
    AM_MATTERMOST = Row(A, "mattermost_configs", "0.30")
    AM_INHIBIT_NAME = Row(A, "name of an inhibition rule", "0.30")
    AM_SLACK_APP_TOKEN = Row(A, "app_token of Slack", "0.30")
    AM_EMAIL_THREADING = Row(A, "threading of e-mail", "0.30")
    AM_TRACING = Row(A, "tracing", "0.30")
    AM_TEMPLATE_TO_JSON = Row(A, "template functions toJson, safeUrl and urlUnescape", "0.30")
    AM_EMPTY_GROUP_BY_OVERRIDES = Row(A, "an empty group_by overrides the parent's", "0.31")
    AM_TEMPLATED_WEBHOOK_URL = Row(A, "templates in the URL of a webhook", "0.31")
    AM_WEBHOOK_PAYLOAD = Row(A, "payload of a webhook", "0.32")
    AM_SLACK_UPDATE = Row(A, "update_message of Slack", "0.32")
    AM_RECEIVER_LABELS = Row(A, "labels of a receiver", "0.33")
    AM_ROUTE_LABEL_TEMPLATES = Row(A, "templates in the labels of a route", "0.34")

    # Grafana
    GRAFANA_SCHEMA_39 = Row(G, "dashboard schemaVersion 39", "11.1")
    GRAFANA_SCHEMA_41 = Row(G, "dashboard schemaVersion 41", "11.6")
    GRAFANA_SCHEMA_42 = Row(G, "dashboard schemaVersion 42", "12.2")
    GRAFANA_DATASOURCE_PRUNE = Row(G, "prune in data source provisioning", "11.1")
    GRAFANA_LINK_PLACEMENT = Row(G, "placement of dashboard links and annotations", "12.3")
    GRAFANA_V2_RESOURCE_FILES = Row(G, "dashboard v2 resources in file provisioning", "13.0")
