FROM scratch
COPY pause/pause /pause
ENTRYPOINT ["/pause"]
