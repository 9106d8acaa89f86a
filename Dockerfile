# The image of every worker: the binary, the libraries it is linked to, CA certificates and time zones. No shell.
#
#   docker build --tag despatch:dev .
#
# Both bases follow their tags. Where a build has to be the same tomorrow, name them by digest:
#
#   docker buildx imagetools inspect gcr.io/distroless/base-nossl-debian12:nonroot    # prints the digest
#   docker build --build-arg BASE=gcr.io/distroless/base-nossl-debian12@sha256:… --build-arg RUST=rust@sha256:… .

# Both of the same Debian: the binary needs the C library that it was linked to, or a newer one.
ARG RUST=rust:1.90-slim-bookworm
# No OpenSSL: TLS is rustls. `cc-debian12` would add it and libstdc++, 9 MB that nothing here uses.
ARG BASE=gcr.io/distroless/base-nossl-debian12:nonroot

FROM ${RUST} AS build
WORKDIR /src
COPY . .
# Only what is not in the build's cache is built again; a cache is no layer, so the binary is copied out of it.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    CARGO_PROFILE_RELEASE_STRIP=symbols cargo build --release --locked --package despatch \
    && install -D --target-directory=/out/usr/local/bin target/release/despatch
# The base has libc and libm. What else the binary wants has to come along, and is to be noticed here, not at its start.
RUN set -eu; \
    ldd /out/usr/local/bin/despatch > /tmp/libraries; \
    install -D --target-directory=/out/usr/lib "$(awk '/libgcc_s/ { print $3 }' /tmp/libraries)"; \
    if grep --invert-match --extended-regexp 'linux-vdso|ld-linux|libc\.so|libm\.so|libgcc_s\.so' /tmp/libraries; then \
        echo 'the base image does not have these libraries' >&2; \
        exit 1; \
    fi

FROM ${BASE}
COPY --from=build /out/ /
# By number: Kubernetes cannot tell from a name that it is not root.
USER 65532:65532
# In a container the loopback address is nobody's but the container's.
ENV DESPATCH_GATEWAY_LISTEN=0.0.0.0:8080
EXPOSE 8080 8081
# Ready is consuming. A worker that waits for its servers is not, and says in its log what for.
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 CMD ["/usr/local/bin/despatch", "probe"]
ENTRYPOINT ["/usr/local/bin/despatch"]
CMD ["help"]
