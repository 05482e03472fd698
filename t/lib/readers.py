# The host of each URL, one a line, as urllib has it and http.client connects
# to it: a name that is not ASCII by the codec "idna".  "!" for none.

import ipaddress
import sys
import warnings
from urllib.parse import urlsplit

warnings.simplefilter('ignore')

out = []
for line in sys.stdin.buffer.read().decode().split('\n')[:-1]:
    try:
        host = urlsplit(line).hostname or '!'
        if ':' in host:
            host = '[' + ipaddress.IPv6Address(host).compressed + ']'
        else:
            host = host.encode('idna').decode()
        out.append(host)
    except ValueError:
        out.append('!')

sys.stdout.write(''.join(host + '\n' for host in out))
