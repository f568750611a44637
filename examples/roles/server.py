"""The parameter server: holds the model y = ax + b, takes gradients, and counts which workers are done."""

from xmlrpc.server import SimpleXMLRPCServer

RATE = 0.1
model = [0.0, 0.0]
done = []


def pull():
    return model


def push(gradient):
    for at, slope in enumerate(gradient):
        model[at] -= RATE * slope
    return True


def finish(worker):
    done.append(worker)
    return True


server = SimpleXMLRPCServer(("", 9000), logRequests=False)
for function in (pull, push, finish):
    server.register_function(function)
server.register_function(lambda: sorted(done), "finished")
server.serve_forever()
