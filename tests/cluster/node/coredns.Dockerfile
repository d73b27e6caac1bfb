FROM scratch
COPY coredns/coredns /coredns
ENTRYPOINT ["/coredns"]
