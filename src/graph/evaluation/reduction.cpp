#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

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

// NaN as minus infinity, so that elements have an order.
template <typename T>
T ordered(T x) {
  if constexpr (std::is_floating_point_v<T>)
    return std::isnan(x) ? -std::numeric_limits<T>::infinity() : x;
  return x;
}

template <typename T>
Array rank(const Call& call) {
  const auto axis = positive_axis(call.integer("axis"), call.input(0).shape.size());
  auto rows = Rows<T>(call.input(0), {axis});
  Array places{call.shape(), std::vector<int64_t>(call.input(0).size())};
  auto& all = std::get<std::vector<int64_t>>(places.elements);
  const int64_t length = call.shape()[axis];
  const int64_t inner = element_count(Shape(call.shape().begin() + axis + 1, call.shape().end()));
  for (int64_t i = 0; i < rows.count(); ++i) {
    const std::span<T> row = rows[i];
    std::vector<int64_t> order(row.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, std::greater<>(), [&](int64_t j) { return ordered(row[j]); });
    const int64_t first = i / inner * inner * length + i % inner;
    for (int64_t place = 0; place < length; ++place) all[first + order[place] * inner] = place;
  }
  return places;
}

Array segment_mean(const Call& call) {
  const Shape& shape = call.input(0).shape;
  const int64_t width = shape.back(), n = shape[shape.size() - 2];
  const int64_t segments = call.integer("segments");
  const std::vector<double>& x = call.input(0).floats();
  const std::vector<int64_t>& ids = call.input(1).integers();
  std::vector<double> sums(element_count(call.shape()));
  std::vector<int64_t> counts(sums.size() / width);
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || ids[i] >= segments) continue;
    const int64_t row = static_cast<int64_t>(i) / n * segments + ids[i];
    ++counts[row];
    for (int64_t c = 0; c < width; ++c) sums[row * width + c] += x[i * width + c];
  }
  for (size_t i = 0; i < sums.size(); ++i)
    sums[i] /= static_cast<double>(std::max<int64_t>(counts[i / width], 1));
  return {call.shape(), std::move(sums)};
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
  if (call.node.op == Op::rank) return {floats ? rank<double>(call) : rank<int64_t>(call)};
  if (call.node.op == Op::segment_mean) return {segment_mean(call)};
  if (call.node.op == Op::argmax) return {floats ? argmax<double>(call) : argmax<int64_t>(call)};
  return {floats ? reduce<double>(call) : reduce<int64_t>(call)};
}

}  // namespace tempera::graph::evaluation
