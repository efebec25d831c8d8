#include <cmath>
#include <limits>

#include "graph/evaluation/rows.h"

namespace tempera::graph::evaluation {

namespace {

Array softmax(const Call& call) {
  const Array& x = call.input(0);
  Rows<double> rows(x, {positive_axis(call.integer("axis"), x.shape.size())});
  for (int64_t i = 0; i < rows.count(); ++i) softmax_in_place(rows[i]);
  return {x.shape, rows.restored()};
}

// Groups of channels are contiguous: row i is group i % groups of image i / groups.
struct ChannelGroups {
  int64_t channels, groups, places, length;  // length: elements of a group

  explicit ChannelGroups(const Call& call)
      : channels(call.input(0).shape[1]),
        groups(call.integer("groups")),
        places(element_count({call.input(0).shape.begin() + 2, call.input(0).shape.end()})),
        length(channels / groups * places) {}
  int64_t rows(const Call& call) const { return call.input(0).shape[0] * groups; }
  // The channel of element j of row i.
  int64_t channel(int64_t i, int64_t j) const {
    return i % groups * (channels / groups) + j / places;
  }
};

Array group_norm(const Call& call) {
  const Array& x = call.input(0);
  std::vector<double> y = x.floats();
  ChannelGroups g(call);
  for (int64_t i = 0; i < g.rows(call); ++i) {
    std::span<double> row(y.data() + i * g.length, g.length);
    Moments m = moments_of(row, call.real("epsilon"));
    for (int64_t j = 0; j < g.length; ++j)
      row[j] = (row[j] - m.mean) * m.rstd * call.input(1).floats()[g.channel(i, j)] +
               call.input(2).floats()[g.channel(i, j)];
  }
  return {x.shape, std::move(y)};
}

Arrays group_norm_affine(const Call& call) {
  ChannelGroups g(call);
  std::vector<double> factor, term;
  for (int64_t i = 0; i < g.rows(call); ++i) {
    std::span<const double> row(call.input(0).floats().data() + i * g.length, g.length);
    Moments m = moments_of(row, call.real("epsilon"));
    for (int64_t k = 0; k < g.channels / g.groups; ++k) {
      int64_t channel = i % g.groups * (g.channels / g.groups) + k;
      factor.push_back(m.rstd * call.input(1).floats()[channel]);
      term.push_back(call.input(2).floats()[channel] - m.mean * factor.back());
    }
  }
  return {{call.shape(0), std::move(factor)}, {call.shape(1), std::move(term)}};
}

Array layer_norm(const Call& call) {
  const Array& x = call.input(0);
  std::vector<double> y = x.floats();
  int64_t length = x.shape.back(), count = length == 0 ? 0 : x.size() / length;
  for (int64_t i = 0; i < count; ++i) {
    std::span<double> row(y.data() + i * length, length);
    Moments m = moments_of(row, call.real("epsilon"));
    for (int64_t j = 0; j < length; ++j)
      row[j] = (row[j] - m.mean) * m.rstd * call.input(1).floats()[j] +
               (call.has(2) ? call.input(2).floats()[j] : 0);
  }
  return {x.shape, std::move(y)};
}

}  // namespace

void softmax_in_place(std::span<double> row) {
  double largest = -std::numeric_limits<double>::infinity(), sum = 0;
  for (double x : row) largest = std::max(largest, x);
  if (largest == -std::numeric_limits<double>::infinity()) {
    std::fill(row.begin(), row.end(), 0);
    return;
  }
  for (double& x : row) sum += x = std::exp(x - largest);
  for (double& x : row) x /= sum;
}

Arrays evaluate_normalization(const Call& call) {
  switch (call.node.op) {
    case Op::softmax:
      return {softmax(call)};
    case Op::group_norm:
      return {group_norm(call)};
    case Op::group_norm_affine:
      return group_norm_affine(call);
    default:
      return {layer_norm(call)};
  }
}

}  // namespace tempera::graph::evaluation
