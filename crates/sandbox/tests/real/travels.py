# What functions try that are to reach some addresses and not others.
import json, os, socket, threading, time

def tcp(host, port):
    try:
        with socket.create_connection((host, port), 3) as stream:
            return "reached " + stream.recv(100).decode()
    except OSError as error:
        return "failed " + str(error)

def bound(host, port):
    # Past the routes: the kernel takes such a socket's destination to be on the interface's link.
    try:
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
            s.settimeout(2)
            s.connect((host, port))
            return "reached " + s.recv(100).decode()
    except OSError as error:
        return "failed " + str(error)

def resolve(name):
    try:
        return socket.gethostbyname(name)
    except OSError as error:
        return "failed " + str(error)

def own():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(("93.184.216.34", 80))
        return s.getsockname()[0]

def many(count):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for port in range(1000, 1000 + count):
            try:
                s.sendto(b"x", ("93.184.216.34", port))
            except OSError:
                pass
    return tcp("93.184.216.34", 80)

first = tcp("93.184.216.34", 80)
