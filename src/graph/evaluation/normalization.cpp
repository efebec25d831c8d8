#include <cmath>
#include <limits>
#include <numeric>

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

Array channel_moments(const Call& call) {
  const Array& x = call.input(0);
  const int64_t images = x.shape[0], channels = x.shape[1];
  const int64_t places = element_count({x.shape.begin() + 2, x.shape.end()});
  std::vector<double> result(images * 3 * channels);
  for (int64_t i = 0; i < images * channels; ++i) {
    std::span<const double> row(x.floats().data() + i * places, places);
    double* at = result.data() + i / channels * 3 * channels + i % channels;
    at[0] = static_cast<double>(places);
    at[channels] = std::reduce(row.begin(), row.end(), 0.0) / at[0];
    for (double e : row) at[2 * channels] += (e - at[channels]) * (e - at[channels]);
  }
  return {call.shape(), std::move(result)};
}

struct ChannelMoments {
  double count, mean, squares;
};

// Of one image: those of all pieces, one after another.
std::vector<ChannelMoments> moments_of_image(const Call& call, int64_t image) {
  std::vector<ChannelMoments> channels;
  for (size_t i = 2; i < call.inputs.size(); ++i) {
    const Shape& shape = call.input(i).shape;
    const double* row = call.input(i).floats().data() + image % shape[0] * shape[1];
    for (int64_t c = 0, n = shape[1] / 3; c < n; ++c)
      channels.push_back({row[c], row[n + c], row[2 * n + c]});
  }
  return channels;
}

Arrays group_norm_affine(const Call& call) {
  const Shape& shape = call.shape(0);
  const int64_t size = shape[1] / call.integer("groups");
  std::vector<double> factor, term;
  for (int64_t i = 0; i < shape[0] * shape[1]; ++i) {
    const int64_t channel = i % shape[1], first = channel / size * size;
    const std::vector<ChannelMoments> all = moments_of_image(call, i / shape[1]);
    double count = 0, mean = 0, squares = 0;
    for (int64_t c = first; c < first + size; ++c) {
      count += all[c].count;
      mean += all[c].count * all[c].mean;
    }
    mean /= count;
    for (int64_t c = first; c < first + size; ++c)
      squares += all[c].squares + all[c].count * (all[c].mean - mean) * (all[c].mean - mean);
    const double rstd = 1 / std::sqrt(squares / count + call.real("epsilon"));
    factor.push_back(rstd * call.input(0).floats()[channel]);
    term.push_back(call.input(1).floats()[channel] - mean * factor.back());
  }
  return {{shape, std::move(factor)}, {shape, std::move(term)}};
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
    case Op::channel_moments:
      return {channel_moments(call)};
    case Op::group_norm_affine:
      return group_norm_affine(call);
    default:
      return {layer_norm(call)};
  }
}

}  // namespace tempera::graph::evaluation
