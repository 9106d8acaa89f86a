# The image of every worker: the binary, the libraries it is linked to, CA certificates and time zones. No shell.
#
#   docker build --tag despatch:dev .                               # for production
#   docker build --tag despatch-sandbox:dev --target sandbox .      # for trying it: all commands, stand-in providers
#
# Both bases follow their tags. Where a build has to be the same tomorrow, name them by digest:
#
#   docker buildx imagetools inspect gcr.io/distroless/base-nossl-debian12:nonroot    # prints the digest
#   docker build --build-arg BASE=gcr.io/distroless/base-nossl-debian12@sha256:… --build-arg RUST=rust@sha256:… .
#
# The build does not see the repository; name the commit for `despatch --version`:
#
#   docker build --build-arg BUILD_COMMIT=$(git rev-parse --short HEAD) --build-arg BUILD_DATE=$(git show -s --format=%cs) .

# Both of the same Debian: the binary needs the C library that it was linked to, or a newer one.
ARG RUST=rust:1.90-slim-bookworm
# No OpenSSL: TLS is rustls. `cc-debian12` would add it and libstdc++, 9 MB that nothing here uses.
ARG BASE=gcr.io/distroless/base-nossl-debian12:nonroot

FROM ${RUST} AS source
WORKDIR /src
COPY . .

# A build reuses what is in the cache. A cache is no layer, so the binary is copied out of it. Both builds write it to the
# same place there, so they take turns.
FROM source AS build
ARG BUILD_COMMIT
ARG BUILD_DATE
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target,sharing=locked \
    CARGO_PROFILE_RELEASE_STRIP=symbols cargo build --release --locked --package despatch --no-default-features \
    && deploy/image/install target/release/despatch /out

FROM source AS build-sandbox
ARG BUILD_COMMIT
ARG BUILD_DATE
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target,sharing=locked \
    CARGO_PROFILE_RELEASE_STRIP=symbols cargo build --release --locked --package despatch \
    && deploy/image/install target/release/despatch /out

FROM ${BASE} AS base
# By number: Kubernetes cannot tell from a name that it is not root.
USER 65532:65532
# The default listens at the loopback address, which nothing outside the container can reach.
ENV DESPATCH_GATEWAY_LISTEN=0.0.0.0:8080
EXPOSE 8080 8081
# Ready is consuming. A worker that waits for its servers is not, and says in its log what for.
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 CMD ["/usr/local/bin/despatch", "probe"]
ENTRYPOINT ["/usr/local/bin/despatch"]
CMD ["help"]

# Also has `up`, `demo` and `sandbox`, and `import` with a checkout and stock. Never for real orders.
FROM base AS sandbox
COPY --from=build-sandbox /out/ /

# Without a target named, the last stage is built: the one for production.
FROM base AS despatch
COPY --from=build /out/ /
