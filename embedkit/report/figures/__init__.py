"""One module for each kind of figure: the numbers in it as a DataFrame, and one panel of it as an altair chart."""
