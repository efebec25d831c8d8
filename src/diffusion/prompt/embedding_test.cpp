#include "diffusion/prompt/embedding.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/file.h"

namespace tempera::diffusion {
namespace {

StoredTensor vectors(const Shape& shape, DType dtype = DType::f32) {
  Tensor tensor(DType::f32, shape);
  float next = 1;
  for (float& value : tensor.as<float>()) value = next++;
  if (dtype == DType::i64) tensor = Tensor(DType::i64, shape);
  return stored(std::move(tensor));
}

TEST(MakeEmbedding, ReadsEachForm) {
  const EmbeddingFile file{"w", "w.pt"};
  const std::vector<NamedTensors> forms = {
      {{"emb_params", vectors({2, 3})}},
      {{"string_to_token.*", vectors({}, DType::i64)}, {"string_to_param.*", vectors({2, 3})}},
      {{"string_to_param.*", vectors({2, 3})}, {"step", vectors({}, DType::i64)}},
      {{"<cat-toy>", vectors({2, 3})}},
  };
  for (const NamedTensors& form : forms) {
    const Result<Embedding> embedding = make_embedding(file, form, 3);
    ASSERT_TRUE(embedding.ok()) << embedding.error().message;
    EXPECT_EQ(embedding->vectors.shape, (Shape{2, 3}));
    EXPECT_EQ(embedding->vectors.as<float>()[5], 6);
  }
  EXPECT_EQ(make_embedding(file, {{"<cat-toy>", vectors({3})}}, 3)->vectors.shape, (Shape{1, 3}));
}

TEST(MakeEmbedding, RefusesWhatIsNone) {
  const EmbeddingFile file{"w", "w.pt"};
  EXPECT_EQ(make_embedding(file, {{"emb_params", vectors({1, 1024})}}, 768).error().message,
            "w.pt: an embedding of width 1024 (that of Stable Diffusion 2) does not fit this "
            "model's text encoder, whose is 768 (that of Stable Diffusion 1)");
  EXPECT_FALSE(make_embedding(file, {}, 3).ok());
  EXPECT_FALSE(make_embedding(file, {{"a", vectors({1, 3})}, {"b", vectors({1, 3})}}, 3).ok());
  EXPECT_FALSE(make_embedding(file, {{"emb_params", vectors({1, 1, 3})}}, 3).ok());
  EXPECT_FALSE(make_embedding(file, {{"emb_params", vectors({0, 3})}}, 3).ok());
  EXPECT_FALSE(make_embedding(file, {{"emb_params", vectors({1, 3}, DType::i64)}}, 3).ok());
  EXPECT_EQ(make_embedding(file, {{"clip_g", vectors({1, 3})}}, 3).error().code,
            ErrorCode::unsupported);
}

Tokenizer letters() {
  Json vocab;
  int id = 0;
  for (const std::string token : {"a", "b", "c", "a</w>", "b</w>", "c</w>"}) vocab[token] = id++;
  vocab["<s>"] = id++;
  vocab["<e>"] = id++;
  return Tokenizer(*BytePairs::make(vocab, "", "<e>", "test"), {},
                   {.begin_id = 6, .end_id = 7, .pad_id = 7});
}

TEST(AddEmbeddings, GivesWordsTheirIds) {
  Tokenizer tokenizer = letters();
  const std::vector<Embedding> embeddings = {{"Ab", Tensor(DType::f32, {2, 3})},
                                             {"ab-c", Tensor(DType::f32, {1, 3})}};
  add_embeddings(embeddings, 8, tokenizer);
  using Ids = std::vector<int32_t>;
  EXPECT_EQ(tokenizer.encode("ab"), (Ids{6, 8, 9, 7}));
  EXPECT_EQ(tokenizer.encode("c AB, a"), (Ids{6, 5, 8, 9, 7, 3, 7}));
  EXPECT_EQ(tokenizer.encode("ab-c"), (Ids{6, 10, 7})) << "the longest";
  EXPECT_EQ(tokenizer.encode("cab"), (Ids{6, 2, 0, 4, 7})) << "within a word";
  EXPECT_EQ(tokenizer.encode("abc"), (Ids{6, 0, 1, 5, 7}));
}

TEST(EmbeddingRows, StandInTheOrderOfTheIds) {
  const std::vector<Embedding> embeddings = {
      {"a", Tensor::of<float>(DType::f32, {2, 2}, {1, 2, 3, 4})},
      {"b", Tensor::of<float>(DType::f32, {1, 2}, {5, 6})}};
  const Tensor rows = *embedding_rows(embeddings, 2);
  EXPECT_EQ(rows.shape, (Shape{kAddedTokens, 2}));
  for (int i = 0; i < 6; ++i) EXPECT_EQ(rows.as<float>()[i], i + 1);
  EXPECT_EQ(rows.as<float>()[6], 0);
  const std::vector<Embedding> many = {{"a", Tensor(DType::f32, {200, 2})},
                                       {"b", Tensor(DType::f32, {57, 2})}};
  EXPECT_EQ(embedding_rows(many, 2).error().code, ErrorCode::resource_exhausted);
}

TEST(ListEmbeddings, FindsFilesBelowAFolderByName) {
  const std::string folder = fmt::format("{}tempera_embeddings_{}", testing::TempDir(), getpid());
  std::filesystem::create_directories(folder + "/more");
  for (const std::string name : {"Bad.pt", "notes.txt", "more/style-x.safetensors", "more/bad.bin"})
    std::ofstream(folder + "/" + name) << "x";
  const auto files = list_embeddings(folder);
  ASSERT_TRUE(files.ok());
  ASSERT_EQ(files->size(), 2u);
  EXPECT_EQ((*files)[0].path, folder + "/Bad.pt");
  EXPECT_EQ((*files)[1].name, "style-x");
  const auto found = embeddings_in("so BAD, style-x2", *files);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].name, "Bad");
  std::filesystem::remove_all(folder);
  EXPECT_EQ(list_embeddings(folder).error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace tempera::diffusion
