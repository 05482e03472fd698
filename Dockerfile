# The image: Debian's nginx with kairo.  The module is built in a first stage
# against the very packages of the second, so that the two fit.
#
#     docker build -t kairo .
#     docker run -v $PWD/nginx.conf:/etc/nginx/nginx.conf:ro -p 8080:8080 kairo

ARG DEBIAN=bookworm

FROM debian:${DEBIAN}-slim AS base
RUN apt-get update \
    && apt-get install -y --no-install-recommends nginx libjansson4 libidn2-0 \
           libpcre2-8-0 libpq5 '^libjwt.$' \
    && rm -rf /var/lib/apt/lists/*

FROM base AS build
COPY . /kairo
WORKDIR /kairo
RUN scripts/build release

FROM base
COPY --from=build /kairo/build/ngx_http_kairo_module.so /usr/lib/nginx/modules/
COPY --from=build /kairo/build/kairo /usr/local/bin/
RUN echo 'load_module modules/ngx_http_kairo_module.so;' \
        > /etc/nginx/modules-enabled/50-mod-http-kairo.conf \
    && nginx -t -q
EXPOSE 8080
STOPSIGNAL SIGQUIT
CMD ["nginx", "-g", "daemon off;"]
