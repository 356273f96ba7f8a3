"""print the configuration of the video server, for a service of its own: `video-conf`"""

from collections.abc import Sequence

from core import video_server
from core.i18n import render
from core.settings import settings
from core.supervise import say


def main(args: Sequence[str]) -> int:
    """The configuration on standard output; it holds a secret, so keep the file to its owner."""
    nginx = video_server.find()
    if nginx is None:
        say(render(video_server.MISSING))
        return 1
    print(video_server.configuration(settings(), nginx), end="")
    return 0
