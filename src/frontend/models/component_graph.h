#pragma once

#include <vector>

#include "base/status.h"
#include "graph/graph.h"

namespace tempera::frontend {

// A component as a graph. Weights are inputs of rate `load`, named as in the weights file and of
// the dtype stored there; all arithmetic is f32. Pictures and latents are NCHW.
struct ComponentGraph {
  graph::Graph graph;
  // The output of each module, by its path in the reference implementation and in the reference's
  // shape.
  std::vector<graph::NamedValue> marks;
};

// The shape of a component's inputs.
struct ComponentSize {
  int64_t batch = 1;
  int64_t height = 0, width = 0;  // unet, vae_decoder: elements of the latent; vae_encoder: pixels
  int64_t tokens = 0;             // text_encoder, unet
  int64_t added_tokens = 0;       // text_encoder: ids beyond its vocabulary that it takes
  int64_t repeat = 1;             // unet: its sample and timestep have batch / repeat rows
  // unet, vae_*: pictures that tile: convolutions see the opposite side beyond an edge, as torch's
  // padding_mode "circular".
  bool circular = false;
  int64_t clip_skip = 1;  // text_encoder: the last of its layers, counted from the end
};

// invalid_argument unless 1 <= batch <= 1024 and the extents that are used are within 1 to 16384.
Status check_picture(const ComponentSize& size);
Status check_tokens(const ComponentSize& size);
// invalid_argument unless repeat divides the batch.
Status check_repeat(const ComponentSize& size);

}  // namespace tempera::frontend
