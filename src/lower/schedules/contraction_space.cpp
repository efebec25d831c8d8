#include "lower/schedules/contraction_space.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "lower/schedules/iterate.h"

namespace tempera::lower {

using kernel::Config;

namespace {

// Of a vector of quantised weights: load, two conversions, the scale, rounding, store.
constexpr double kWideningCycles = 6;

// Cycles that a row of a matrix takes to load: two a cycle from L1.
constexpr double kMatrixRowCycles = 0.5;

// Which matrices multiply the products of g; none where they have another dtype or b is widened in
// registers.
MatrixTiles matrices_for(const ContractionGeometry& g, const Target& target) {
  const MatrixTiles& tiles = target.bf16_matrices;
  const bool fit = product_dtype(g, target) == DType::bf16 && tiles.columns == target.lanes(4) &&
                   (g.quantized || stored_dtype(g, target) == DType::bf16);
  return fit ? tiles : MatrixTiles{};
}

MicroKernel register_tile(const ContractionGeometry& g, const Target& target, int64_t tile_m,
                          int64_t tile_v, int64_t matrix_rows) {
  return {.dtype = product_dtype(g, target),
          .stored = stored_dtype(g, target),
          .lanes = static_cast<int>(target.lanes(4)),
          .tile_m = tile_m,
          .tile_v = tile_v,
          .matrix_rows = matrix_rows,
          .matrix_depth = matrix_rows > 0 ? target.bf16_matrices.depth : 0};
}

// Register tiles that leave room for the vectors of b and one broadcast, and hide the latency of an
// FMA (4 cycles); and those of matrices.
std::vector<MicroKernel> register_tiles(const ContractionGeometry& g, const Target& target) {
  std::vector<MicroKernel> tiles;
  for (int64_t v = 1; v <= 4; ++v)
    for (const int64_t m : {4, 5, 6, 7, 8, 10, 12, 14, 16})
      if (m * v + v + 1 <= target.vector_registers && m * v >= target.vector_registers / 4)
        tiles.push_back(register_tile(g, target, m, v, 0));
  const MatrixTiles matrices = matrices_for(g, target);
  const int64_t rows = std::min(matrices.rows, g.cols);
  if (rows < 2) return tiles;
  for (int64_t v = 1; v <= 3; ++v)
    for (int64_t m = 1; m <= 3; ++m) {
      tiles.push_back(register_tile(g, target, m * rows, v, rows));
      if (tiles.back().registers() > matrices.registers) tiles.pop_back();
    }
  return tiles;
}

// Of a decision that only some configs name.
int64_t value_or(const Config& config, std::string_view name, int64_t otherwise) {
  for (const auto& [key, value] : config.values)
    if (key == name) return value;
  return otherwise;
}

// Chunks of channels: near-equal parts, so that the last one is not mostly zeros.
std::vector<int64_t> chunk_sizes(const ContractionGeometry& g, const MicroKernel& tile) {
  // Whole steps; whole blocks of quantised weights; whole vectors.
  const int64_t vectors = std::lcm<int64_t>(g.quantized ? g.quantized->block : 1, tile.lanes);
  const int64_t step = tile.matrix_rows > 0 ? std::lcm(vectors, tile.depth()) : vectors;
  const int64_t whole = tile.matrix_rows > 0 ? step : tile.depth();
  const int64_t least = divide_up(g.channels, whole) * whole;

  std::set<int64_t> sizes;
  for (const int64_t wanted : {32, 64, 96, 128, 192, 256, 384, 512}) {
    if (wanted >= g.channels) {
      sizes.insert(least);
      break;
    }
    const int64_t parts = divide_up(g.channels, wanted);
    const int64_t even = divide_up(g.channels, parts);
    sizes.insert(std::min(least, divide_up(even, step) * step));
  }
  return {sizes.begin(), sizes.end()};
}

std::vector<std::pair<int64_t, int64_t>> pixel_blocks(const ContractionGeometry& g,
                                                      int64_t tile_m) {
  std::set<std::pair<int64_t, int64_t>> blocks;
  for (const int64_t pixels : {32, 64, 128, 256}) {
    const int64_t w = g.rows == 1 ? std::min(g.cols, divide_up(pixels, tile_m) * tile_m)
                                  : std::min<int64_t>(g.cols, 64);
    const int64_t even_w =
        std::min(g.cols, divide_up(divide_up(g.cols, divide_up(g.cols, w)), tile_m) * tile_m);
    blocks.emplace(std::clamp<int64_t>(pixels / even_w, 1, g.rows), even_w);
  }
  return {blocks.begin(), blocks.end()};
}

}  // namespace

PrologueCycles prologue_cycles(const graph::Group& group) {
  PrologueCycles cycles;
  for (const graph::Node& node : group.body.nodes()) {
    if (&node == &group.body.node(group.anchor)) break;
    if (group.body.value(node.outputs[0]).rate <= graph::Rate::load) continue;
    if (graph::row(node.op).op_class == graph::OpClass::elementwise)
      cycles.elements += node.op == graph::Op::silu || node.op == graph::Op::gelu ? 25 : 2;
    if (node.op == graph::Op::moments) cycles.statistics += 6;
  }
  return cycles;
}

ContractionTiling::ContractionTiling(const ContractionGeometry& g, const Target& target,
                                     const Config& config)
    : kernel(register_tile(g, target, config.at("tile_m"), config.at("tile_v"),
                           value_or(config, "matrix_rows", 0))),
      lanes(kernel.lanes),
      tile_m(kernel.tile_m),
      tile_v(kernel.tile_v),
      kc(config.at("kc")),
      block_h(config.at("block_h")),
      block_w(config.at("block_w")),
      block_n(config.at("block_n")),
      k_parts(value_or(config, "k_parts", 1)),
      vector_bytes(target.vector_bytes) {}

Status check_tiling(const ContractionGeometry& g, const Target& target,
                    const ContractionTiling& tiling) {
  const MicroKernel& tile = tiling.kernel;
  const MatrixTiles matrices = matrices_for(g, target);
  const int64_t registers = tile.matrix_rows > 0 ? matrices.registers : target.vector_registers;
  const bool whole = tile.matrix_rows == 0 ||
                     (tile.matrix_rows <= matrices.rows && tile.tile_m % tile.matrix_rows == 0 &&
                      tiling.kc % tile.depth() == 0);
  if (!tiling.has_all_parts(g))
    return error(ErrorCode::invalid_argument,
                 "contraction: {} chunks of {} channels are not {} parts", tiling.chunks(g),
                 tiling.kc, tiling.k_parts);
  if (tile.registers() <= registers && whole) return {};
  return error(ErrorCode::invalid_argument,
               "contraction: a {}x{} register tile needs more than {} {} registers", tiling.tile_m,
               tiling.tile_v, registers, tile.matrix_rows > 0 ? "matrix" : "vector");
}

kernel::Expr ContractionTiling::place_in_part(const ContractionGeometry& g,
                                              const kernel::Expr& tile,
                                              const kernel::Expr& at) const {
  const kernel::Expr first = tile * number(tile_part(g));
  return g.parts == 1 ? first + at : first + at % number(tile_part(g));
}

kernel::Expr ContractionTiling::place_mask(const ContractionGeometry& g, const kernel::Expr& tile,
                                           const kernel::Expr& first) const {
  const kernel::Expr places =
      kernel::ramp(place_in_part(g, tile, first), 1, static_cast<int>(lanes));
  return mask_below(places, g.n / g.parts, tile_part(g));
}

kernel::Expr ContractionTiling::channel_mask(const ContractionGeometry& g,
                                             const kernel::Expr& channels) const {
  return mask_below(channels, g.channels, std::lcm(kc, lanes));
}

kernel::Expr ContractionTiling::column(const ContractionGeometry& g, const kernel::Expr& tile,
                                       const kernel::Expr& at) const {
  const kernel::Expr place = place_in_part(g, tile, at);
  return g.parts == 1 ? place : place + at / number(tile_part(g)) * number(g.n / g.parts);
}

int64_t ContractionTiling::sums_size(const ContractionGeometry& g) const {
  if (chunks_in_part(g) == 1) return tile_m * tile_n();
  return block_h * tiles_w() * tile_m * block_n * tile_n();
}

namespace {

// From the last block of a launch until all threads run the next one: some microseconds.
constexpr double kLaunchCycles = 20000;

// Parts take memory and a launch: not for less than estimates are off by.
constexpr double kPartsMargin = 1.02;

// Of adding the parts' sums, which pass through L3 both ways, `blocks` of places at a time.
double joining_cycles(const ContractionGeometry& g, const Target& target,
                      const ContractionTiling& t, double blocks) {
  if (t.k_parts == 1) return 0;
  const double images = static_cast<double>(g.ranked_batch()) / static_cast<double>(g.batch);
  const double bytes = 2 * 4 * images * static_cast<double>(t.part_sums_size(g));
  const double iterations = blocks * static_cast<double>(t.column_tiles(g));
  return kLaunchCycles + bytes / 10 / std::min(iterations, static_cast<double>(target.cores));
}

}  // namespace

double contraction_cycles(const ContractionGeometry& g, const Target& target,
                          const ContractionTiling& t, const PrologueCycles& prologue) {
  const MicroKernel& k = t.kernel;
  const bool matrices = k.matrix_rows > 0;
  const double widened = k.stored == k.dtype || g.quantized ? 0 : static_cast<double>(t.tile_v);
  // A step's; a product of matrices takes its time by rows.
  const double fma = matrices
                         ? static_cast<double>(t.tile_m * t.tile_v * target.bf16_matrices.cycles) /
                               static_cast<double>(target.bf16_matrices.rows)
                         : (static_cast<double>(t.tile_m * t.tile_v) + widened) /
                               static_cast<double>(target.fma_per_cycle);
  const double loads =
      matrices ? static_cast<double>(t.tile_m + t.tile_v * k.depth() / 2) * kMatrixRowCycles
               : static_cast<double>(t.tile_m + t.tile_v) / 2;
  // Bytes of b that a register tile runs over.
  const auto b_size = static_cast<double>(size_in_bytes(g.quantized ? k.dtype : k.stored));
  const double panel = static_cast<double>(t.panel_size(g)) * b_size;
  const double from_l2 = panel > target.l1_bytes * 0.75
                             ? static_cast<double>(t.tile_n() * k.depth()) * b_size / 32
                             : 0;
  const double inner = std::max({fma, loads, from_l2}) + 0.05 * (fma + loads);
  // Each block's sums are widened, added and stored.
  const double blocks_of_k =
      k.sums_in_blocks() ? static_cast<double>(g.taps() * divide_up(t.kc, k.block())) : 0;
  const double tile = static_cast<double>(g.taps() * t.kc / k.depth()) * inner +
                      blocks_of_k * 3 * static_cast<double>(t.tile_m * t.vectors()) +
                      2.5 * static_cast<double>(t.tile_m * t.vectors()) + 30;
  const auto chunks = static_cast<double>(t.chunks(g));
  const double blocks_n = divide_up(t.column_tiles(g), t.block_n);
  // Rows and columns past the edge are skipped by whole register tiles.
  const double tiles = static_cast<double>(g.ranked_batch() * g.rows) *
                       static_cast<double>(g.cols / t.block_w * t.tiles_w() +
                                           divide_up(g.cols % t.block_w, t.tile_m)) *
                       static_cast<double>(t.column_tiles(g));
  const double blocks = static_cast<double>(g.ranked_batch() * divide_up(g.rows, t.block_h) *
                                            divide_up(g.cols, t.block_w));
  const double vectors = static_cast<double>(divide_up(t.kc, t.lanes));
  const auto parts = static_cast<double>(t.k_parts);
  const double staged = blocks * blocks_n * chunks *
                        static_cast<double>(t.patch_h(g) * t.patch_w(g)) *
                        (vectors * (3 + prologue.elements + parts * prologue.statistics) + 10);
  // b passes from L3 or memory once a block.
  const double b_elements = blocks * static_cast<double>(g.n * g.depth());
  const double b_bytes =
      b_elements * static_cast<double>(g.quantized ? 1 : size_in_bytes(k.stored));
  const double dequantized =
      g.quantized ? b_elements / static_cast<double>(t.lanes) * kWideningCycles : 0;
  const double total = tiles * chunks * tile + staged + dequantized + b_bytes / 10;
  const double iterations = blocks * blocks_n * parts;
  const auto cores = static_cast<double>(target.cores);
  // Of the time of parts that all have as many chunks.
  const double balance = std::ceil(iterations / cores) * cores / iterations *
                         (parts * static_cast<double>(t.chunks_in_part(g)) / chunks);
  const double margin = t.k_parts == 1 ? 1 : kPartsMargin;
  return margin * (total / cores * balance + joining_cycles(g, target, t, blocks));
}

namespace {

struct Candidate {
  double cycles;
  Config config;
};

// How the sums of a contraction are divided: in how many parts, of how many channels.
std::pair<int64_t, int64_t> division(const ContractionGeometry& g, const Target& target,
                                     const Config& config) {
  const ContractionTiling t(g, target, config);
  return {t.k_parts, t.k_parts > 1 ? t.chunks_in_part(g) * t.kc : 0};
}

// All configs of a geometry.
struct Candidates {
  const ContractionGeometry& g;
  const Target& target;
  const PrologueCycles& prologue;
  const ContractionGeometry image = g.of_one_image();
  std::vector<Candidate> all = {};

  void add_tile(const MicroKernel& tile);
  void add(const Config& config);
  void add_parts(const Config& config, const ContractionTiling& whole);
};

void Candidates::add_tile(const MicroKernel& tile) {
  const int64_t m = tile.tile_m, v = tile.tile_v, tile_n = tile.tile_n();
  if (tile_n / tile.lanes % g.parts != 0) return;
  if (v > g.parts && tile_n - tile_n / v >= g.n) return;
  if (m > 4 && m >= 2 * g.cols) return;
  const int64_t column_tiles = divide_up(g.n, tile_n);
  for (const int64_t kc : chunk_sizes(g, tile))
    for (const auto& [h, w] : pixel_blocks(g, m))
      for (const int64_t parts : {1, 2, 4, 8, 20}) {
        if (parts > column_tiles) break;
        Config config{{{"tile_m", m},
                       {"tile_v", v},
                       {"kc", kc},
                       {"block_h", h},
                       {"block_w", w},
                       {"block_n", divide_up(column_tiles, parts)}}};
        if (tile.matrix_rows > 0) config.values.emplace_back("matrix_rows", tile.matrix_rows);
        add(config);
      }
}

void Candidates::add(const Config& config) {
  const ContractionTiling t(g, target, config);
  if (t.scratch_bytes(g) > std::min(target.workgroup_memory_bytes, target.l2_bytes * 3 / 4)) return;
  all.push_back({contraction_cycles(g, target, t, prologue), config});
  add_parts(config, t);
}

// The config with its channels in parts, where an image has few blocks for the target's cores.
void Candidates::add_parts(const Config& config, const ContractionTiling& whole) {
  if (target.cores == 1 || !g.ranks_images()) return;
  const int64_t blocks = image.ranked_batch() * divide_up(image.rows, whole.block_h) *
                         divide_up(image.cols, whole.block_w) *
                         divide_up(whole.column_tiles(g), whole.block_n);
  if (blocks >= 4 * target.cores) return;
  for (const int64_t parts : {2, 3, 4, 6, 8}) {
    ContractionTiling t = whole;
    t.k_parts = parts;
    if (!t.has_all_parts(g)) continue;
    Config divided = config;
    divided.values.emplace_back("k_parts", parts);
    all.push_back({contraction_cycles(g, target, t, prologue), divided});
  }
}

std::vector<Candidate> ranked(const ContractionGeometry& g, const Target& target,
                              const PrologueCycles& prologue) {
  Candidates candidates{g, target, prologue};
  for (const MicroKernel& tile : register_tiles(g, target)) candidates.add_tile(tile);
  std::stable_sort(candidates.all.begin(), candidates.all.end(),
                   [](const auto& a, const auto& b) { return a.cycles < b.cycles; });
  return std::move(candidates.all);
}

// Moves the best candidate that divides its sums so to the front.
void put_first(std::vector<Candidate>& candidates, const std::pair<int64_t, int64_t>& wanted,
               const ContractionGeometry& g, const Target& target) {
  const auto best = std::ranges::find_if(
      candidates, [&](const Candidate& c) { return division(g, target, c.config) == wanted; });
  if (best != candidates.end()) std::rotate(candidates.begin(), best, best + 1);
}

}  // namespace

std::vector<Config> contraction_space(const ContractionGeometry& g, const Target& target,
                                      const PrologueCycles& prologue) {
  std::vector<Candidate> candidates = ranked(g, target, prologue);
  if (candidates.empty())
    return {{{{"tile_m", 4},
              {"tile_v", g.parts},
              {"kc", chunk_sizes(g, register_tile(g, target, 4, g.parts, 0)).front()},
              {"block_h", 1},
              {"block_w", std::min<int64_t>(g.cols, 4)},
              {"block_n", 1}}}};
  const ContractionGeometry image = g.of_one_image();
  if (target.cores > 1 && image.cols != g.cols) {
    const std::vector<Candidate> alone = ranked(image, target, prologue);
    if (!alone.empty()) put_first(candidates, division(image, target, alone[0].config), g, target);
  }
  std::vector<Config> space;
  constexpr size_t kLongest = 40;
  for (size_t i = 0; i < candidates.size() && i < kLongest; ++i)
    space.push_back(candidates[i].config);
  return space;
}

}  // namespace tempera::lower
