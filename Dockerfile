# One image for everything that runs: docker run … trackline services/trigger/dist/main.js
# The recipe is what `npm start` does on a fresh checkout (npm ci, tsc -b), and leaves out what only building needs.
ARG NODE_VERSION=20.20.2

FROM node:${NODE_VERSION}-bookworm-slim AS build
WORKDIR /app
COPY . .
RUN npm ci --no-audit --no-fund
RUN npx tsc -b
# optional ones too: they are the Postgres that `npm start` embeds
RUN npm prune --omit=dev --omit=optional --no-audit --no-fund

FROM node:${NODE_VERSION}-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/libs ./libs
COPY --from=build /app/services ./services
COPY --from=build /app/tools/stack ./tools/stack
COPY --from=build /app/tools/operations ./tools/operations
USER node
ENTRYPOINT ["node", "--enable-source-maps"]
CMD ["services/ingest/dist/main.js"]
