# The engine as one native file on Debian.
#   docker build -t iii .
#   docker run -p 49134:49134 -p 3111:3111 iii

FROM mcr.microsoft.com/dotnet/sdk:10.0 AS sdk

# Built on the Debian that it runs on: a native file needs the C library of its build, or a later one.
FROM debian:bookworm-slim AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates clang zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*
COPY --from=sdk /usr/share/dotnet /usr/share/dotnet
ENV PATH="/usr/share/dotnet:$PATH" \
    DOTNET_CLI_TELEMETRY_OPTOUT=1 \
    DOTNET_NOLOGO=1 \
    DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
WORKDIR /source
COPY global.json Directory.Build.props Directory.Build.targets Directory.Packages.props .editorconfig ./
COPY src src
RUN dotnet publish src/Iii.Cli -c Release -r "linux-$([ "$(uname -m)" = aarch64 ] && echo arm64 || echo x64)" \
    -p:PublishAot=true -o /out \
    && rm -f /out/*.dbg /out/*.pdb /out/*.xml

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates libssl3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --home-dir /var/lib/iii --create-home iii
COPY --from=build /out /opt/iii
COPY deploy/redis.yaml deploy/rabbitmq.yaml /etc/iii/
USER iii
WORKDIR /var/lib/iii
EXPOSE 49134 3111

# Ready means that it takes work: not before the broker is reached, and not from the first moment of a shutdown on.
HEALTHCHECK --interval=2s --timeout=2s --start-period=60s --retries=3 \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/49134 && printf 'GET /health/ready HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q ' 200 '"]
ENTRYPOINT ["/opt/iii/iii"]
