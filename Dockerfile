# docker build -t tempera . && docker run -v "$PWD:/out" tempera generate "a red heart" -o /out/heart.png
FROM debian:12
WORKDIR /tempera
COPY tools/bootstrap tools/packages.txt tools/
RUN tools/bootstrap && rm -rf /var/lib/apt/lists/*
COPY . .
RUN make && make install PREFIX=/usr/local
ENTRYPOINT ["tempera"]
CMD ["--help"]
