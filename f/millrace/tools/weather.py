# requirements:

"""Weather from Open-Meteo: no key, a place by name."""

from datetime import date
from typing import Any, cast
from urllib.parse import urlencode

from pydantic import Field

from f.millrace.core import config, contracts, errors
from f.millrace.tools import http, items

# https://open-meteo.com/en/docs: WMO weather interpretation codes
SKY = {
    0: "clear",
    1: "mainly clear",
    2: "partly cloudy",
    3: "overcast",
    45: "fog",
    48: "rime fog",
    51: "light drizzle",
    53: "drizzle",
    55: "dense drizzle",
    56: "freezing drizzle",
    57: "freezing drizzle",
    61: "light rain",
    63: "rain",
    65: "heavy rain",
    66: "freezing rain",
    67: "freezing rain",
    71: "light snow",
    73: "snow",
    75: "heavy snow",
    77: "snow grains",
    80: "light showers",
    81: "showers",
    82: "violent showers",
    85: "snow showers",
    86: "heavy snow showers",
    95: "thunderstorm",
    96: "thunderstorm with hail",
    99: "thunderstorm with heavy hail",
}
DAILY = "weather_code,temperature_2m_max,temperature_2m_min,precipitation_sum,wind_speed_10m_max"
MAX_DAYS = 7


class Day(contracts.Contract):
    """The forecast for one day."""

    day: date
    sky: str
    low_celsius: float | None
    high_celsius: float | None
    rain_mm: float | None
    wind_kmh: float | None


class Weather(contracts.Contract):
    """The weather at a place."""

    place: str = Field(description="The place that was found, with country.")
    latitude: float
    longitude: float
    now_celsius: float | None = None
    now_sky: str = ""
    days: list[Day]


def weather(place: str, days: int = 3) -> Weather:
    """Get the weather now and the forecast for a place by its name."""
    asked = items.one_line(place)
    if not asked:
        raise errors.BadInput("name a place")
    found = _results(
        http.get_json(f"{config.settings().geocoding_url}?{urlencode({'name': asked, 'count': 1})}")
    )
    if not found:
        raise errors.SourceFailed(f"no place is called {asked[:80]!r}")
    spot = found[0]
    try:
        latitude, longitude = float(spot["latitude"]), float(spot["longitude"])
        asked_days = max(1, min(days, MAX_DAYS))
        asked_for = urlencode(_question(latitude, longitude, asked_days))
        forecast = http.get_json(f"{config.settings().weather_url}?{asked_for}")
        return _weather(spot, latitude, longitude, forecast)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise errors.SourceFailed(
            f"the weather service answered in a form that is not known ({error})"
        ) from error


def _results(answer: Any) -> list[dict[str, Any]]:
    if not isinstance(answer, dict):
        raise errors.SourceFailed(
            "the place search answered something that is not a list of places"
        )
    return cast("dict[str, Any]", answer).get("results") or []


def _question(latitude: float, longitude: float, days: int) -> dict[str, Any]:
    return {
        "latitude": latitude,
        "longitude": longitude,
        "current": "temperature_2m,weather_code",
        "daily": DAILY,
        "forecast_days": days,
        "timezone": "auto",
    }


def _weather(
    spot: dict[str, Any], latitude: float, longitude: float, forecast: dict[str, Any]
) -> Weather:
    daily = forecast["daily"]
    present: dict[str, Any] = forecast.get("current") or {}
    name = ", ".join(str(spot[part]) for part in ("name", "admin1", "country") if spot.get(part))
    return Weather(
        place=name,
        latitude=latitude,
        longitude=longitude,
        now_celsius=present.get("temperature_2m"),
        now_sky=_sky(present.get("weather_code")),
        days=[
            Day(
                day=date.fromisoformat(day),
                sky=_sky(daily["weather_code"][place]),
                low_celsius=daily["temperature_2m_min"][place],
                high_celsius=daily["temperature_2m_max"][place],
                rain_mm=daily["precipitation_sum"][place],
                wind_kmh=daily["wind_speed_10m_max"][place],
            )
            for place, day in enumerate(daily["time"])
        ],
    )


def _sky(code: Any) -> str:
    return SKY.get(code, "") if isinstance(code, int) else ""
