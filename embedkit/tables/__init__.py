"""Tables of any rows, columns and value of the results, as data frames, text, Markdown, LaTeX, CSV and Parquet."""
