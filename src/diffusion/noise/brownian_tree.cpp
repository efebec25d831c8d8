#include "diffusion/noise/brownian_tree.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/check.h"
#include "diffusion/noise/normal_generator.h"
#include "diffusion/noise/seed_sequence.h"

namespace tempera::diffusion {
namespace {

// Python's round(value, 6): the exact value is rounded, half to even.
double rounded(double value) {
  std::array<char, 64> text;
  const auto written =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, 6);
  CHECK(written.ec == std::errc(), "a sigma of {}", value);
  double result = 0;
  std::from_chars(text.data(), written.ptr, result);
  return result;
}

}  // namespace

BrownianTree::BrownianTree(Rng rng, uint64_t seed, const BrownianRange& range, size_t count)
    : rng_(rng),
      seed_(seed),
      root_{rounded(range.low), rounded(range.high), 0, 0},
      increment_(count),
      sum_(count),
      unit_(count) {
  NormalGenerator(rng_, seed_sequence_word(seed_)).normal(unit_);
  const double deviation = std::sqrt(range.high - range.low);
  std::ranges::transform(unit_, increment_.begin(), [deviation](float u) { return u * deviation; });
}

// Adds to the sum the part of the node's increment that lies between the asked ends.
void BrownianTree::add_between(const Node& node, const Node& asked,
                               std::span<const double> increment) {
  if (node.high <= asked.low || node.low >= asked.high) return;
  if (node.low >= asked.low && node.high <= asked.high) {
    for (size_t i = 0; i < sum_.size(); ++i) sum_[i] += increment[i];
    return;
  }
  const double middle = rounded((node.low + node.high) / 2);
  if (middle <= node.low || middle >= node.high) return;
  const std::array<uint64_t, 2> place = {node.key, node.depth};
  NormalGenerator(rng_, seed_sequence_word(seed_, place)).normal(unit_);
  const double length = node.high - node.low;
  const double share = (middle - node.low) / length;
  const double deviation = std::sqrt((middle - node.low) * (node.high - middle) / length);
  if (levels_.size() <= node.depth) levels_.emplace_back(sum_.size());
  std::vector<double>& half = levels_[node.depth];
  for (size_t i = 0; i < half.size(); ++i) half[i] = increment[i] * share + unit_[i] * deviation;
  add_between({node.low, middle, 2 * node.key, node.depth + 1}, asked, half);
  std::vector<double>& other = levels_[node.depth];
  for (size_t i = 0; i < other.size(); ++i) other[i] = increment[i] - other[i];
  add_between({middle, node.high, 2 * node.key + 1, node.depth + 1}, asked, other);
}

void BrownianTree::draw(const NoiseDraw& draw, std::span<float> noise) {
  CHECK(draw.from > draw.to && noise.size() == sum_.size(), "noise of {} from {} to {}",
        noise.size(), draw.from, draw.to);
  const auto end = [this](double sigma) {
    return std::clamp(rounded(sigma), root_.low, root_.high);
  };
  std::ranges::fill(sum_, 0.0);
  add_between(root_, {end(draw.to), end(draw.from), 0, 0}, increment_);
  const double scale = -1 / std::sqrt(draw.from - draw.to);
  std::ranges::transform(sum_, noise.begin(),
                         [scale](double sum) { return static_cast<float>(sum * scale); });
}

}  // namespace tempera::diffusion
