FROM debian:13-slim
RUN apt-get -qq update && apt-get -qq install -y --no-install-recommends libatomic1 libstdc++6 >/dev/null && rm -rf /var/lib/apt/lists/*
COPY bin/node /usr/local/bin/node
COPY lib /usr/local/lib
COPY npmrc /root/.npmrc
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm && ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
