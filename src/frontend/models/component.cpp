#include "frontend/models/component.h"

#include "frontend/checkpoint/taesd_weights.h"
#include "frontend/models/clip_text.h"
#include "frontend/models/taesd.h"

namespace tempera::frontend {
namespace {

Result<ComponentGraph> build_graph(const Checkpoint& checkpoint, Component component,
                                   const Weights& weights, const ComponentSize& size,
                                   const ComponentOptions& options) {
  if (component == Component::text_encoder) {
    ASSIGN_OR_RETURN(const ClipTextConfig config, read_text_encoder_config(checkpoint));
    return build_text_encoder(config, weights, size);
  }
  if (component == Component::unet) {
    ASSIGN_OR_RETURN(const UnetConfig config, read_unet_config(checkpoint));
    return build_unet(config, weights, size, options.unet);
  }
  ASSIGN_OR_RETURN(const VaeConfig config, read_vae_config(checkpoint));
  return component == Component::vae_decoder
             ? build_vae_decoder(config, weights, size, options.vae)
             : build_vae_encoder(config, weights, size, options.vae);
}

Result<BuiltComponent> build_taesd(const Checkpoint& checkpoint, const ComponentSize& size) {
  ASSIGN_OR_RETURN(const VaeConfig config, read_vae_config(checkpoint));
  ASSIGN_OR_RETURN(std::shared_ptr<const Weights> weights,
                   open_taesd_weights(checkpoint.taesd_file));
  ASSIGN_OR_RETURN(ComponentGraph graph, build_taesd_decoder(*weights, config.latent_channels,
                                                             config.scaling_factor, size));
  return BuiltComponent{std::move(graph), std::move(weights)};
}

}  // namespace

Result<BuiltComponent> build_component(const Checkpoint& checkpoint, Component component,
                                       const ComponentSize& size, const ComponentOptions& options) {
  const bool is_taesd = component == Component::vae_decoder && !checkpoint.taesd_file.empty();
  if (is_taesd && options.vae != VaePart::all)
    return error(ErrorCode::unsupported, "{}: a TAESD decoder has no parts", checkpoint.taesd_file);
  if (is_taesd) return build_taesd(checkpoint, size);
  ASSIGN_OR_RETURN(std::shared_ptr<const Weights> weights,
                   open_weights(checkpoint, part_of(component)));
  ASSIGN_OR_RETURN(ComponentGraph graph,
                   build_graph(checkpoint, component, *weights, size, options));
  return BuiltComponent{std::move(graph), std::move(weights)};
}

}  // namespace tempera::frontend
