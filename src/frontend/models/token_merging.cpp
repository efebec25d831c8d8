#include "frontend/models/token_merging.h"

#include <algorithm>
#include <numeric>

namespace tempera::frontend {
namespace {

using graph::GraphBuilder;
using graph::Op;
using graph::ValueId;

// Scores are computed so many at a time: 64 MiB.
constexpr int64_t kMostScores = 1 << 24;

// The tokens in row-major order, parted into the first ones of whole cells and all others.
struct Parts {
  std::vector<int32_t> sources, destinations;
};

Parts parts_of(const TokenGrid& grid) {
  const int64_t rows = grid.height / grid.cell_height * grid.cell_height;
  const int64_t columns = grid.width / grid.cell_width * grid.cell_width;
  Parts parts;
  for (int64_t y = 0; y < grid.height; ++y)
    for (int64_t x = 0; x < grid.width; ++x) {
      const bool first =
          y < rows && x < columns && y % grid.cell_height == 0 && x % grid.cell_width == 0;
      (first ? parts.destinations : parts.sources)
          .push_back(static_cast<int32_t>(y * grid.width + x));
    }
  return parts;
}

ValueId indices(GraphBuilder& b, const std::vector<int32_t>& values, Shape shape) {
  return b.literal(Tensor::of<int32_t>(DType::i32, std::move(shape), values));
}

ValueId take(GraphBuilder& b, ValueId x, const std::vector<int32_t>& tokens) {
  return b.gather(x, indices(b, tokens, {std::ssize(tokens)}), 1);
}

ValueId normalised(GraphBuilder& b, ValueId x) {
  const ValueId squares = b.op(Op::reduce_sum, {b.mul(x, x)}, {{"axes", std::vector<int64_t>{-1}}});
  return b.div(x, b.op(Op::sqrt, {squares}));
}

// For each source the cosine of its angle to the nearest destination, f32 [batch, sources], and
// which one that is, i32.
struct Nearest {
  ValueId similarity, destination;
};

Nearest nearest(GraphBuilder& b, ValueId metric, const Parts& parts) {
  const ValueId unit = normalised(b, metric);
  const ValueId sources = take(b, unit, parts.sources);
  const ValueId destinations = b.transpose(take(b, unit, parts.destinations), {0, 2, 1});
  const int64_t count = std::ssize(parts.sources);
  const int64_t across = b.shape(metric)[0] * std::ssize(parts.destinations);
  const int64_t chunk = std::max<int64_t>(kMostScores / across, 1);
  std::vector<ValueId> similarities, nearest;
  for (int64_t begin = 0; begin < count; begin += chunk) {
    const int64_t end = std::min(begin + chunk, count);
    const ValueId some = end - begin == count ? sources : b.slice(sources, 1, begin, end);
    const ValueId scores = b.matmul(some, destinations);
    similarities.push_back(b.op(Op::reduce_max, {scores},
                                {{"axes", std::vector<int64_t>{-1}}, {"keepdims", int64_t{0}}}));
    nearest.push_back(b.cast(b.argmax(scores, -1), DType::i32));
  }
  const auto joined = [&](const std::vector<ValueId>& pieces) {
    return pieces.size() == 1 ? pieces[0] : b.concat(pieces, 1);
  };
  return {joined(similarities), joined(nearest)};
}

ValueId number(GraphBuilder& b, int64_t value) {
  return b.scalar(static_cast<double>(value), DType::i32);
}

std::vector<int32_t> counting(int64_t count, int64_t first, int64_t step = 1) {
  std::vector<int32_t> values(count);
  for (int64_t i = 0; i < count; ++i) values[i] = static_cast<int32_t>(first + i * step);
  return values;
}

}  // namespace

TokenMatch match_tokens(GraphBuilder& b, ValueId metric, const TokenGrid& grid, int64_t merged) {
  const int64_t batch = b.shape(metric)[0], tokens = b.shape(metric)[1];
  CHECK(tokens == grid.height * grid.width, "{} tokens on a grid of {} x {}", tokens, grid.height,
        grid.width);
  const Parts parts = parts_of(grid);
  merged = std::min(merged, std::ssize(parts.sources));
  const int64_t left = std::ssize(parts.sources) - merged;  // sources that stay
  const Nearest near = nearest(b, metric, parts);
  const ValueId rank = b.op(Op::rank, {near.similarity}, {{"axis", int64_t{1}}});
  const ValueId source_places =
      b.where(b.less(rank, number(b, merged)), b.add(near.destination, number(b, left)),
              b.sub(rank, number(b, merged)));
  const int64_t destinations = std::ssize(parts.destinations);
  const ValueId own_places = b.broadcast_to(
      indices(b, counting(destinations, left), {1, destinations}), {batch, destinations});
  // Back in the order of the tokens.
  std::vector<int32_t> order(tokens);
  for (int32_t i = 0; const auto* part : {&parts.sources, &parts.destinations})
    for (const int32_t token : *part) order[token] = i++;
  return {take(b, b.concat({source_places, own_places}, 1), order), tokens, tokens - merged};
}

ValueId merge_tokens(GraphBuilder& b, const TokenMatch& match, ValueId x) {
  return b.op(Op::segment_mean, {x, match.places}, {{"segments", match.merged_tokens}});
}

ValueId unmerge_tokens(GraphBuilder& b, const TokenMatch& match, ValueId x) {
  const Shape shape = b.shape(x);
  const ValueId rows = b.reshape(x, {shape[0] * shape[1], shape[2]});
  const ValueId first = indices(b, counting(shape[0], 0, shape[1]), {shape[0], 1});
  return b.gather(rows, b.add(match.places, first));
}

}  // namespace tempera::frontend
