# archcalc where there is no Python: docker run --rm -v "$PWD:/work" archcalc check specs
FROM python:3.13-slim AS build
COPY . /source
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels /source

FROM python:3.13-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home archcalc
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir /wheels/*.whl \
    && git config --system --add safe.directory /work
USER archcalc
WORKDIR /work
ENTRYPOINT ["archcalc"]
CMD ["--help"]
