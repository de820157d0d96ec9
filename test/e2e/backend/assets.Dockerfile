# With the build argument RELEASE, `a` or `b`: the image of one release with assets of its own (see assets.py).
ARG BASE_IMAGE
FROM $BASE_IMAGE
WORKDIR /backend
ENV PYTHONUNBUFFERED=1
COPY assets.py .
ARG RELEASE
ENV RELEASE=$RELEASE
LABEL blue-green.role=test-backend
USER 10001:10001
EXPOSE 5000
# Python as process 1 ignores the other signals.
STOPSIGNAL SIGINT
CMD ["python", "assets.py"]
