FROM debian:bookworm
RUN apt-get update && apt-get install -y --no-install-recommends \
  openssh-client jupyter-core jupyter-nbconvert jupyter-notebook python3-ipykernel
