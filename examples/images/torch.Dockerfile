FROM debian:trixie
RUN apt-get update && apt-get install -y --no-install-recommends \
  openssh-client python3-torch
# Debian builds PyTorch without libuv, and torchrun asks for it unless told otherwise.
ENV USE_LIBUV=0
