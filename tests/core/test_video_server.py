"""The video server: found or missed in words, set up in a file of its own, never in the way of the house."""

import os
import stat
from dataclasses import replace

import pytest

from core import i18n, settings, video_server
from core.commands import run
from core.settings import SettingsWrong, read
from core.video_server import NoVideoServer

pytestmark = pytest.mark.no_db
NGINX = video_server.find()


@pytest.fixture
def found(tmp_path):
    return replace(settings.settings(), home=tmp_path, port=8000)


@pytest.mark.parametrize(
    ("terminal", "words"), [("zh_CN.UTF-8", "要装"), ("en_GB.UTF-8", "To install it"), ("", "To install it")]
)
def test_where_nginx_is_missing_the_reader_is_told_in_his_language_how_to_install_it(
    found, monkeypatch, terminal, words
):
    monkeypatch.setattr(video_server, "find", lambda: None)
    video_server.use_language_of({"LANG": terminal})
    with pytest.raises(NoVideoServer) as told:
        video_server.service(found)
    assert words in str(told.value)
    assert "apt-get install nginx libnginx-mod-rtmp" in str(told.value)
    i18n.use_language("zh")


def test_without_it_the_house_goes_on_and_shows_no_picture(found, monkeypatch, capsys):
    monkeypatch.setattr(video_server, "find", lambda: None)
    monkeypatch.setenv("XIAOXIANG_VIDEO", "1")
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert run._video(found) == []
    assert os.environ["XIAOXIANG_VIDEO"] == "0"
    assert "没有带 RTMP 模块的 nginx" in capsys.readouterr().err


def test_nginx_without_the_module_is_none(tmp_path, monkeypatch):
    program = tmp_path / "nginx"
    program.write_text("#!/bin/sh\necho 'configure arguments: --modules-path=/nowhere' >&2\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert video_server.find() is None


def test_a_folder_that_would_change_the_configuration_is_refused(found, tmp_path):
    spoilt = replace(found, home=tmp_path / "a; deny all")
    with pytest.raises(NoVideoServer):
        video_server.configuration(spoilt, video_server.Nginx(tmp_path, None))


def test_nothing_is_left_to_fill_in_and_the_key_is_logged_nowhere(found, tmp_path):
    words = video_server.configuration(found, video_server.Nginx(tmp_path, None))
    assert not [line for line in words.splitlines() if "@" in line.replace("@nothing", "") and "#" not in line]
    assert words.count("access_log off;") == 2
    assert words.count("listen 127.0.0.1:") == 4


@pytest.mark.parametrize("typed", ["1935", "0.0.0.0", "here:1935", "0.0.0.0:1935; deny all"])
def test_a_door_is_an_address_and_a_port(tmp_path, typed):
    with pytest.raises(SettingsWrong, match="XIAOXIANG_RTMP"):
        read({"XIAOXIANG_HOME": str(tmp_path), "XIAOXIANG_RTMP": typed})


def test_hosts_are_told_the_public_name(tmp_path):
    env = {
        "XIAOXIANG_HOME": str(tmp_path),
        "XIAOXIANG_PUBLIC_URL": "https://xx.example",
        "XIAOXIANG_RTMP": "0.0.0.0:1935",
    }
    assert read(env).rtmp_url == "rtmp://xx.example:1935/live"


@pytest.mark.skipif(NGINX is None and os.environ.get("CI") != "true", reason="no nginx with its RTMP module")
def test_nginx_takes_the_configuration_and_only_we_read_it(found):
    service = video_server.service(found)
    assert service.name == "video"
    file = found.home / "video" / "nginx.conf"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
