#include <algorithm>
#include <cmath>

#include "graph/evaluation/rows.h"

namespace tempera::graph::evaluation {

namespace {

template <typename T>
T reduced(Op op, std::span<const T> row) {
  switch (op) {
    case Op::reduce_max:
    case Op::reduce_min: {
      T best = row[0];
      for (T x : row) {
        bool better = op == Op::reduce_max ? x > best : x < best;
        if (better || x != x) best = x;  // a NaN wins, and stays
      }
      return best;
    }
    default: {
      T sum = 0;
      for (T x : row) {
        if constexpr (std::is_integral_v<T>)
          sum = static_cast<T>(static_cast<uint64_t>(sum) + static_cast<uint64_t>(x));
        else
          sum += x;
      }
      return op == Op::reduce_mean ? sum / static_cast<T>(row.size()) : sum;
    }
  }
}

template <typename T>
Array reduce(const Call& call) {
  auto axes = positive_axes(call.integers("axes"), call.input(0).shape.size());
  auto rows = Rows<T>(call.input(0), axes);
  std::vector<T> result(rows.count());
  for (int64_t i = 0; i < rows.count(); ++i) result[i] = reduced<T>(call.node.op, rows[i]);
  return {call.shape(), std::move(result)};
}

template <typename T>
Array argmax(const Call& call) {
  auto axis = positive_axis(call.integer("axis"), call.input(0).shape.size());
  auto rows = Rows<T>(call.input(0), {axis});
  std::vector<int64_t> result(rows.count());
  for (int64_t i = 0; i < rows.count(); ++i) {
    auto row = rows[i];
    result[i] = std::max_element(row.begin(), row.end()) - row.begin();
  }
  return {call.shape(), std::move(result)};
}

Arrays moments(const Call& call) {
  auto axes = positive_axes(call.integers("axes"), call.input(0).shape.size());
  auto rows = Rows<double>(call.input(0), axes);
  std::vector<double> mean(rows.count()), rstd(rows.count());
  for (int64_t i = 0; i < rows.count(); ++i) {
    Moments m = moments_of(rows[i], call.real("epsilon"));
    mean[i] = m.mean;
    rstd[i] = m.rstd;
  }
  return {{call.shape(0), std::move(mean)}, {call.shape(1), std::move(rstd)}};
}

}  // namespace

Moments moments_of(std::span<const double> row, double epsilon) {
  double mean = 0, variance = 0;
  for (double x : row) mean += x;
  mean /= static_cast<double>(row.size());
  for (double x : row) variance += (x - mean) * (x - mean);
  variance /= static_cast<double>(row.size());
  return {mean, 1 / std::sqrt(variance + epsilon)};
}

Arrays evaluate_reduction(const Call& call) {
  bool floats = call.input(0).is_float();
  if (call.node.op == Op::moments) return moments(call);
  if (call.node.op == Op::argmax) return {floats ? argmax<double>(call) : argmax<int64_t>(call)};
  return {floats ? reduce<double>(call) : reduce<int64_t>(call)};
}

}  // namespace tempera::graph::evaluation
