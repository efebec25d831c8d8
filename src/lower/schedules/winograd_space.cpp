#include "lower/schedules/winograd_space.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "lower/schedules/iterate.h"

namespace tempera::lower {

using kernel::Config;

std::optional<WinogradProblem> winograd_problem(const graph::Group& group, const Target& target) {
  const std::optional<ContractionGeometry> g = contraction_geometry(group);
  if (!g || group.body.node(group.anchor).op != graph::Op::conv || !g->b_is_weight ||
      g->a_shape.size() != 4)
    return std::nullopt;
  if (g->taps_h != 3 || g->taps_w != 3 || g->stride_h * g->stride_w != 1 ||
      g->dilation_h * g->dilation_w != 1)
    return std::nullopt;
  const DType product = product_dtype(*g, target);
  // Quantised weights are there to be small, and f16 sums too coarse for the transforms' range.
  if (g->quantized || product == DType::f16) return std::nullopt;
  return WinogradProblem{*g, {product == DType::f32 ? 4 : 2}, product};
}

WinogradTiling::WinogradTiling(const WinogradProblem& problem, const Target& target,
                               const Config& config)
    : micro{.dtype = problem.product,
            .stored = problem.product,
            .lanes = static_cast<int>(target.lanes(4)),
            .tile_m = config.at("tile_m"),
            .tile_v = config.at("tile_v")},
      kc(config.at("kc")),
      block_h(config.at("block_h")),
      block_w(config.at("block_w")),
      block_n(config.at("block_n")),
      chunks(divide_up(problem.g.channels, kc)),
      column_tiles(divide_up(problem.g.n, micro.tile_n())),
      filter(problem.filter) {}

int64_t WinogradTiling::scratch_bytes() const {
  return (patch_size() + m_size()) * 4 + v_size() * size_in_bytes(micro.dtype);
}

int64_t WinogradTiling::packed_bytes() const {
  return column_tiles * chunks * panel() * size_in_bytes(micro.dtype);
}

namespace {

// Cycles of the work besides the products, a vector of channels or columns of one tile, on a core
// that loads one vector and stores half a vector a cycle.
double input_transform_cycles(WinogradFilter filter) { return filter.outputs == 4 ? 190 : 60; }
double output_transform_cycles(WinogradFilter filter) { return filter.outputs == 4 ? 260 : 80; }

// One register tile over one chunk, with its sums from and to scratch.
double register_tile_cycles(const WinogradTiling& t, const Target& target) {
  const MicroKernel& micro = t.micro;
  const auto sums = static_cast<double>(micro.tile_m * micro.tile_v);
  const double fma = sums / static_cast<double>(target.fma_per_cycle);
  const double loads = static_cast<double>(micro.tile_m + micro.tile_v) / 2;
  const double step = std::max(fma, loads) + 0.05 * (fma + loads);
  return static_cast<double>(t.kc / micro.pair()) * step + (t.chunks > 1 ? 4 : 2.5) * sums + 30;
}

}  // namespace

double winograd_cycles(const WinogradProblem& problem, const Target& target,
                       const WinogradTiling& t, double prologue_cycles) {
  const ContractionGeometry& g = problem.g;
  const auto positions = static_cast<double>(t.filter.positions());
  const auto tiles = static_cast<double>(t.tiles());
  const auto columns = static_cast<double>(std::min(t.block_n, t.column_tiles));
  const auto chunks = static_cast<double>(t.chunks);
  const auto channel_vectors = static_cast<double>(t.kc / t.micro.lanes);

  const double products = chunks * columns * positions * tiles /
                          static_cast<double>(t.micro.tile_m) * register_tile_cycles(t, target);
  const double staged = chunks * channel_vectors *
                        (static_cast<double>(t.patch_h() * t.patch_w()) * (5 + prologue_cycles) +
                         tiles * input_transform_cycles(t.filter));
  const double stored =
      tiles * columns * static_cast<double>(t.micro.tile_v) * output_transform_cycles(t.filter);
  // V from L2 once a column tile; b from L3 or memory once.
  const double v_bytes = static_cast<double>(t.v_size() * size_in_bytes(t.micro.dtype)) * chunks;
  const double b_bytes =
      static_cast<double>(t.panel() * size_in_bytes(t.micro.dtype)) * chunks * columns;
  const double moved = v_bytes * columns / 64 + b_bytes / 10;

  const auto blocks =
      static_cast<double>(g.ranked_batch() * divide_up(problem.tiles_h(), t.block_h) *
                          divide_up(problem.tiles_w(), t.block_w));
  const double blocks_n = static_cast<double>(t.column_tiles) / columns;
  const double iterations = blocks * std::ceil(blocks_n);
  const auto cores = static_cast<double>(target.cores);
  const double balance = std::ceil(iterations / cores) * cores / iterations;
  const double total =
      blocks * ((products + stored + moved) * blocks_n + staged * std::ceil(blocks_n));
  return total / cores * balance;
}

namespace {

// `extent` in 1, 2, 3 … near-equal parts of at most `most`.
std::vector<int64_t> even_parts(int64_t extent, int64_t most, int64_t multiple = 1) {
  std::set<int64_t> sizes;
  for (int64_t parts = divide_up(extent, most); parts <= extent; ++parts) {
    const int64_t size = divide_up(divide_up(extent, parts), multiple) * multiple;
    sizes.insert(size);
    if (size <= multiple) break;
  }
  return {sizes.begin(), sizes.end()};
}

std::vector<std::pair<int64_t, int64_t>> tile_blocks(const WinogradProblem& problem) {
  constexpr int64_t kMostTiles = 128;
  std::vector<std::pair<int64_t, int64_t>> blocks;
  for (const int64_t h : even_parts(problem.tiles_h(), 16))
    for (const int64_t w : even_parts(problem.tiles_w(), 16))
      if (h * w <= kMostTiles) blocks.emplace_back(h, w);
  return blocks;
}

struct Candidate {
  double cycles;
  Config config;
};

// All configs with one register tile.
void consider(const WinogradProblem& problem, const Target& target, double prologue_cycles,
              int64_t tile_m, int64_t tile_v, std::vector<Candidate>& candidates) {
  const int64_t lanes = target.lanes(4);
  const int64_t column_tiles = divide_up(problem.g.n, tile_v * lanes);
  for (const auto& [h, w] : tile_blocks(problem)) {
    if (h * w % tile_m != 0) continue;
    for (const int64_t kc : even_parts(problem.g.channels, 512, lanes))
      for (const int64_t n : even_parts(column_tiles, 64)) {
        const Config config{{{"tile_m", tile_m},
                             {"tile_v", tile_v},
                             {"kc", kc},
                             {"block_h", h},
                             {"block_w", w},
                             {"block_n", n}}};
        const WinogradTiling t(problem, target, config);
        if (t.scratch_bytes() > std::min(target.workgroup_memory_bytes, target.l2_bytes * 7 / 8))
          continue;
        candidates.push_back({winograd_cycles(problem, target, t, prologue_cycles), config});
      }
  }
}

}  // namespace

std::vector<Config> winograd_space(const WinogradProblem& problem, const Target& target,
                                   double prologue_cycles) {
  const int64_t lanes = target.lanes(4);
  std::vector<Candidate> candidates;
  for (int64_t v = 1; v <= 4; ++v) {
    if (v > 1 && (v - 1) * lanes >= problem.g.n) continue;
    for (const int64_t m : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16})
      if (m * v + v + 1 <= target.vector_registers)
        consider(problem, target, prologue_cycles, m, v, candidates);
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const auto& a, const auto& b) { return a.cycles < b.cycles; });
  std::vector<Config> space;
  constexpr size_t kLongest = 40;
  for (size_t i = 0; i < candidates.size() && i < kLongest; ++i)
    space.push_back(candidates[i].config);
  if (space.empty())  // an L2 cache smaller than one tile's scratch
    space.push_back({{{"tile_m", 1},
                      {"tile_v", 1},
                      {"kc", lanes},
                      {"block_h", 1},
                      {"block_w", 1},
                      {"block_n", 1}}});
  return space;
}

}  // namespace tempera::lower
