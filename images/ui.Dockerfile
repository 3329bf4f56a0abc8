# The page. From the root of the project: docker build -f images/ui.Dockerfile .
# The bases may be others where the official ones cannot be had (k8s/stand-ins).
ARG NODE_IMAGE=docker.io/library/node:22-bookworm-slim
ARG NGINX_IMAGE=docker.io/library/nginx:1.28-alpine

FROM ${NODE_IMAGE} AS build
WORKDIR /src/ui
COPY ui/package.json ui/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY ui .
RUN npm run build && find dist -type f \( -name '*.js' -o -name '*.css' -o -name '*.svg' -o -name '*.html' \) -exec gzip -9 -k {} +

FROM ${NGINX_IMAGE}
LABEL org.opencontainers.image.title="Parley ui" org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.description="The page of Parley, a self-hosted AI chat that never loses an answer"
COPY images/nginx.conf /etc/nginx/nginx.conf
COPY --from=build /src/ui/dist /usr/share/nginx/html
USER 101:101
EXPOSE 5173
ENTRYPOINT ["nginx", "-g", "daemon off;"]
