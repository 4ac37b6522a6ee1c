# The registry alone: no development packages and, because the servers run elsewhere, none of the embedded ones.
# The version of Node is the one that package-lock.json pins.
FROM node:24.21.0-trixie-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
# No package that is left needs an install script, so none may run.
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

FROM node:24.21.0-trixie-slim AS sources
WORKDIR /app
COPY package.json ./
COPY migrations ./migrations
COPY src ./src
# Files keep the mode they have in the clone, and in one made under a strict umask only their owner may read them.
RUN chmod -R a+rX .

FROM node:24.21.0-trixie-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000
WORKDIR /app
# The packages change least and come first. All files belong to root: the process cannot change what it runs.
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=sources /app ./
USER node
EXPOSE 3000
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=6 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/api/health`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Node itself is process 1 and gets the signals; main.ts handles them. npm or a shell in between would keep them.
CMD ["node", "src/main.ts"]
