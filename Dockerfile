# The service alone; its PostgreSQL is another container (compose.yaml). The program is
# one static file of some 20 MB, pages, fonts and migrations included.
FROM golang:1.26-alpine AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o /passerelle ./cmd/passerelle

FROM alpine:3.22
RUN apk add --no-cache ca-certificates \
 && adduser -D -H -u 10001 passerelle \
 && install -d -o passerelle -m 0700 /data
COPY --from=build /passerelle /usr/local/bin/passerelle
USER passerelle
ENV PASSERELLE_DATA=/data PORT=8080
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD wget -q -O /dev/null http://127.0.0.1:8080/readyz
ENTRYPOINT ["passerelle"]
CMD ["serve"]
