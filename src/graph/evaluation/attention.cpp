#include <cmath>
#include <limits>

#include "graph/evaluation/rows.h"

namespace tempera::graph::evaluation {

namespace {

struct Sizes {
  int64_t batch, queries, keys, heads, width, value_width;
  double scale;
  bool causal;
};

Sizes sizes_of(const Call& call) {
  const Shape &q = call.input(0).shape, &k = call.input(1).shape, &v = call.input(2).shape;
  int64_t heads = call.integer("heads"), width = q[2] / heads;
  double scale = call.real("scale");
  return {.batch = q[0],
          .queries = q[1],
          .keys = k[1],
          .heads = heads,
          .width = width,
          .value_width = v[2] / heads,
          .scale = scale == 0 ? 1 / std::sqrt(static_cast<double>(width)) : scale,
          .causal = call.integer("causal") != 0};
}

double dot(const double* a, const double* b, int64_t size) {
  double sum = 0;
  for (int64_t i = 0; i < size; ++i) sum += a[i] * b[i];
  return sum;
}

// The softmax weights of one query over all keys. q and k point to this head's first element.
void weigh_keys(const Sizes& s, int64_t query, const double* q, const double* k, const double* mask,
                std::vector<double>& weights) {
  for (int64_t j = 0; j < s.keys; ++j) {
    bool seen = !s.causal || j <= query + s.keys - s.queries;
    double score = s.scale * dot(q, k + j * s.heads * s.width, s.width) + (mask ? mask[j] : 0);
    weights[j] = seen ? score : -std::numeric_limits<double>::infinity();
  }
  softmax_in_place(weights);
}

void sum_values(const Sizes& s, const std::vector<double>& weights, const double* v, double* out) {
  for (int64_t j = 0; j < s.keys; ++j)
    for (int64_t e = 0; e < s.value_width; ++e)
      out[e] += weights[j] * v[j * s.heads * s.value_width + e];
}

}  // namespace

Arrays evaluate_attention(const Call& call) {
  const Sizes s = sizes_of(call);
  const double *q = call.input(0).floats().data(), *k = call.input(1).floats().data(),
               *v = call.input(2).floats().data();
  Array mask;
  if (call.has(3)) mask = expanded(call.input(3), {s.batch, s.heads, s.queries, s.keys});
  std::vector<double> result(element_count(call.shape())), weights(s.keys);
  for (int64_t b = 0; b < s.batch; ++b)
    for (int64_t h = 0; h < s.heads; ++h)
      for (int64_t i = 0; i < s.queries; ++i) {
        int64_t row = b * s.queries + i;
        const double* bias =
            call.has(3) ? mask.floats().data() + ((b * s.heads + h) * s.queries + i) * s.keys
                        : nullptr;
        weigh_keys(s, i, q + (row * s.heads + h) * s.width,
                   k + (b * s.keys * s.heads + h) * s.width, bias, weights);
        sum_values(s, weights, v + (b * s.keys * s.heads + h) * s.value_width,
                   result.data() + (row * s.heads + h) * s.value_width);
      }
  return {{call.shape(), std::move(result)}};
}

}  // namespace tempera::graph::evaluation
