#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tempera::frontend {

// How the blocks of a UNet are numbered throughout, as the original LDM code does.
struct UnetBlocks {
  int layers = 0;                // resnets of a down block
  std::vector<bool> up_attends;  // whether each up block has attention
};
UnetBlocks unet_blocks(const std::vector<std::string>& modules);

// LDM's path of a module of diffusers' UNet: "down_blocks.0.resnets.1.conv1" is
// "input_blocks.2.0.in_layers.2". Empty where there is none.
std::string ldm_unet_path(std::string_view module, const UnetBlocks& blocks);

}  // namespace tempera::frontend
