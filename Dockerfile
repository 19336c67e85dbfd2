# docker build --build-arg VERSION=$(git describe --tags --always) -t skalds .
# docker run --rm -v $PWD/all_workers.yml:/all_workers.yml:ro skalds run-one -f /all_workers.yml
FROM debian:bookworm-slim AS build
WORKDIR /src
# The client libraries change rarely: a layer of their own.
COPY scripts/setup.sh scripts/deps.sh scripts/web-deps.sh scripts/web.lock scripts/
RUN sh scripts/setup.sh && sh scripts/deps.sh build/deps && sh scripts/web-deps.sh build/web-deps
COPY . .
ARG VERSION=dev
RUN make VERSION="$VERSION" && sh scripts/image-tree.sh build/skalds /image

FROM scratch
COPY --from=build /image/ /
COPY --from=build --chown=65532:65532 /image/run/skalds/ /run/skalds/
USER 65532:65532
WORKDIR /tmp
ENV PATH=/ HOME=/tmp
ENTRYPOINT ["/skalds"]
