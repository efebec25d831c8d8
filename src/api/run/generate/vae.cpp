#include "api/run/generate/vae.h"

#include <algorithm>

#include "api/run/generate/local_part.h"
#include "diffusion/vae_tiles.h"

namespace tempera::api {
namespace {

using runtime::Executor;

// Runs a component of one input and one output; what it gives is valid until it runs again.
Result<std::span<const float>> run(Session& session, const ComponentRequest& request,
                                   std::string_view input, std::span<const float> from,
                                   std::string_view output) {
  ASSIGN_OR_RETURN(Executor * executor, session.executor(request));
  ASSIGN_OR_RETURN(const int in, executor->input(input));
  ASSIGN_OR_RETURN(const int out, executor->output(output));
  TRY(executor->set_input(in, std::as_bytes(from)));
  TRY(executor->run(runtime::Stage::step));
  ASSIGN_OR_RETURN(const auto bytes, executor->output_bytes(out));
  return std::span(reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float));
}

// The same, into the caller's memory.
Status apply(Session& session, const ComponentRequest& request, std::string_view input,
             std::span<const float> from, std::string_view output, std::span<float> to) {
  ASSIGN_OR_RETURN(const auto result, run(session, request, input, from, output));
  CHECK(result.size() == to.size(), "{} of {} elements for {}", output, result.size(), to.size());
  std::ranges::copy(result, to.begin());
  return {};
}

diffusion::Tiling tiling_of(const PreparedPass& pass, int64_t scale, int64_t tile) {
  return {.height = pass.request.height / scale,
          .width = pass.request.width / scale,
          .tile = tile,
          .wraps = pass.request.tiling};
}

// A local part in tiles of the picture whose moments it takes: each tile is run twice.
Status apply_local(LocalPart& local, const diffusion::Tiling& tiling,
                   const diffusion::TiledPlanes& in, const diffusion::TiledPlanes& out,
                   std::span<const float> from, std::span<float> to) {
  TRY(diffusion::visit_tiles(tiling, in, from,
                             [&](std::span<const float> tile) { return local.look(tile); }));
  TRY(local.keep_looks());
  return diffusion::apply_tiles(
      tiling, in, out, from,
      [&](std::span<const float> tile, std::span<float> result) {
        return local.apply(tile, result);
      },
      to);
}

}  // namespace

Status decode(Session& session, const PreparedPass& pass, std::span<const float> latent,
              std::span<float> planes) {
  const VaeRequests& requests = pass.components.vae_decoder;
  if (pass.means.frees_unet) session.release("unet");
  const auto decode_all = [&](std::span<const float> from, std::span<float> to) {
    return apply(session, requests.front(), "latent", from, "image", to);
  };
  if (pass.means.decode_tile == 0) return decode_all(latent, planes);
  const int64_t scale = session.info().vae_scale;
  const diffusion::Tiling tiling = tiling_of(pass, scale, pass.means.decode_tile);
  if (requests.size() == 1)
    return diffusion::apply_tiles(tiling, {session.info().latent_channels, 1}, {3, scale}, latent,
                                  decode_all, planes);
  ASSIGN_OR_RETURN(const auto features, run(session, requests[0], "latent", latent, "features"));
  ASSIGN_OR_RETURN(LocalPart local, LocalPart::open(session, requests[1], "features", "image"));
  const auto channels = static_cast<int64_t>(features.size()) / (tiling.height * tiling.width);
  return apply_local(local, tiling, {channels, 1}, {3, scale}, features, planes);
}

Status encode_image(Session& session, const PreparedPass& pass, std::span<const float> planes,
                    std::span<float> moments) {
  const VaeRequests& requests = pass.components.vae_encoder;
  if (pass.means.encode_tile == 0)
    return apply(session, requests.front(), "image", planes, "moments", moments);
  const int64_t scale = session.info().vae_scale;
  const diffusion::Tiling tiling = tiling_of(pass, scale, pass.means.encode_tile);
  ASSIGN_OR_RETURN(LocalPart local, LocalPart::open(session, requests[0], "image", "features"));
  std::vector<float> features(static_cast<size_t>(local.channels() * tiling.height * tiling.width));
  TRY(apply_local(local, tiling, {3, scale}, {local.channels(), 1}, planes, features));
  return apply(session, requests[1], "features", features, "moments", moments);
}

}  // namespace tempera::api
