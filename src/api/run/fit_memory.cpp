#include "api/run/fit_memory.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/text.h"
#include "diffusion/vae_tiles.h"

namespace tempera::api {
namespace {

// Elements of the latent along a tile's side, of so many that smaller tiles would mostly be
// overlap.
constexpr int64_t kLeastTile = 20;

// Of a picture's longer side: two tiles, then ever more, each size at least an eighth smaller.
std::vector<int64_t> tiles_of(int64_t side) {
  std::vector<int64_t> tiles;
  for (int64_t most = side - 1;;) {
    const int64_t tile = diffusion::tile_extent(side, most);
    if (tile < kLeastTile) return tiles;
    tiles.push_back(tile);
    most = tile * 7 / 8;
  }
}

std::vector<MemoryMeans> means_of_decoding(const diffusion::PictureRequest& request,
                                           const ModelInfo& info) {
  // An enlarged picture may be encoded again.
  const bool encodes = encodes_images(request, info) || diffusion::is_given(request.hires);
  std::vector<MemoryMeans> list = {{}, {.frees_unet = true}};
  for (const int64_t tile : tiles_of(std::max(request.width, request.height) / info.vae_scale)) {
    list.push_back({.frees_unet = true, .decode_tile = tile});
    if (encodes) list.push_back({.frees_unet = true, .decode_tile = tile, .encode_tile = tile});
  }
  return list;
}

double gigabytes(int64_t bytes) { return static_cast<double>(bytes) * 1e-9; }

Error too_much(const diffusion::PictureRequest& request, const MemoryPrediction& least,
               int64_t limit) {
  std::vector<std::string> parts;
  for (const ComponentMemory& part : least.components)
    parts.push_back(fmt::format("{} {:.2f} GB", part.component, gigabytes(part.loaded())));
  return error(ErrorCode::resource_exhausted,
               "a picture of {}x{} takes {:.2f} GB at least ({}), more than {:.2f} GB; try "
               "--weights int8, --precision auto or a smaller size",
               request.width, request.height, gigabytes(least.peak), fmt::join(parts, ", "),
               gigabytes(limit));
}

}  // namespace

Result<MemoryMeans> fit_memory(Session& session, const diffusion::PictureRequest& request,
                               int64_t limit) {
  MemoryPrediction least{.components = {}, .peak = std::numeric_limits<int64_t>::max()};
  // Each step's latents are of all pictures at once.
  const auto all = static_cast<int64_t>(request.seeds.size());
  const int64_t fewest = request.keep_steps ? all : 1;
  for (int64_t pictures = all; pictures >= fewest; pictures /= 2) {
    for (MemoryMeans means : means_of_decoding(request, session.info())) {
      if (pictures < all) means.pictures = pictures;
      ASSIGN_OR_RETURN(MemoryPrediction prediction, predict_memory(session, request, means));
      if (prediction.peak <= limit) return means;
      if (prediction.peak < least.peak) least = std::move(prediction);
    }
  }
  return too_much(request, least, limit);
}

std::string describe(const MemoryMeans& means, int64_t vae_scale) {
  std::vector<std::string> parts;
  if (means.frees_unet) parts.emplace_back("freeing the unet before decoding");
  const int64_t side = means.decode_tile * vae_scale;
  const std::string_view coded = means.encode_tile > 0 ? "encoding and decoding" : "decoding";
  if (side > 0) parts.push_back(fmt::format("{} in tiles of {}x{}", coded, side, side));
  if (means.pictures > 0) parts.push_back(fmt::format("{} pictures at once", means.pictures));
  return fmt::format("{}", fmt::join(parts, ", "));
}

Result<int64_t> parse_bytes(std::string_view text) {
  const auto refuse = [&] {
    return error(ErrorCode::invalid_argument,
                 "{} is no amount of memory; write it as in 2GiB, 1.5GB or 800MB", quote(text));
  };
  double number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string unit(end, text.data() + text.size());
  std::erase(unit, ' ');
  struct Unit {
    std::string_view name;
    double bytes;
  };
  constexpr Unit kUnits[] = {{"", 1},         {"B", 1},       {"KB", 1e3}, {"MB", 1e6},
                             {"M", 1e6},      {"GB", 1e9},    {"G", 1e9},  {"KiB", 0x1p10},
                             {"MiB", 0x1p20}, {"GiB", 0x1p30}};
  const auto* found = std::ranges::find(kUnits, unit, &Unit::name);
  if (fault != std::errc() || found == std::end(kUnits)) return refuse();
  const double bytes = number * found->bytes;
  if (!(bytes >= 1) || bytes > 0x1p62) return refuse();
  return static_cast<int64_t>(bytes);
}

}  // namespace tempera::api
